// What a browser remembers of its user, for good or for one visit. A browser that keeps nothing (private windows, a full
// disk, a policy) still works: everything is then as on the first day.

/** `visit` ends with the tab. */
type Term = 'good' | 'visit'

// Named inside the attempt: a browser may refuse even that.
const store = (term: Term) => (term === 'visit' ? sessionStorage : localStorage)

export function recall(key: string, term: Term = 'good'): string | null {
  try {
    return store(term).getItem(`ringback.${key}`)
  } catch {
    return null
  }
}

export function remember(key: string, value: string, term: Term = 'good') {
  try {
    store(term).setItem(`ringback.${key}`, value)
  } catch {
    // Not kept: asked again next time.
  }
}

export function forgetStored(key: string, term: Term = 'good') {
  try {
    store(term).removeItem(`ringback.${key}`)
  } catch {
    // Nothing was kept either.
  }
}
