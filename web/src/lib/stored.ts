// What a browser remembers of its user. A browser that keeps nothing (private windows, a full disk, a policy) still works:
// everything is then as on the first day.

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`ringback.${key}`)
  } catch {
    return null
  }
}

export function remember(key: string, value: string) {
  try {
    localStorage.setItem(`ringback.${key}`, value)
  } catch {
    // Not kept: asked again next time.
  }
}
