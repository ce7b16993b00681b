declare module 'virtual:words/*' {
  const texts: Readonly<Record<string, string>>
  export default texts
}
