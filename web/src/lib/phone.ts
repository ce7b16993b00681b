// Phone numbers as people read them.

/** Groups an E.164 number: +380 44 123 45 67. Others stay as they are. */
export function phoneText(number: string | null | undefined): string {
  if (!number) return '—'
  const ukrainian = /^\+380(\d{2})(\d{3})(\d{2})(\d{2})$/.exec(number)
  if (ukrainian) return `+380 ${ukrainian.slice(1).join(' ')}`
  const other = /^(\+\d{2,3})(\d{2,3})(\d{3})(\d{2,4})$/.exec(number)
  return other ? other.slice(1).join(' ') : number
}
