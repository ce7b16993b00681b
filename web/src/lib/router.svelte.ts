// A small router: the path chooses the page, the query the thing shown on it.

class Router {
  path = $state(location.pathname)
  query = $state.raw(new URLSearchParams(location.search))

  constructor() {
    addEventListener('popstate', () => this.#read())
  }

  #read() {
    this.path = location.pathname
    this.query = new URLSearchParams(location.search)
  }

  go(to: string, replace = false) {
    if (replace) history.replaceState(null, '', to)
    else history.pushState(null, '', to)
    this.#read()
  }

  /** The same page with other query values; null removes one. */
  show(changes: Record<string, string | null>, replace = false) {
    const query = new URLSearchParams(location.search)
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === '') query.delete(key)
      else query.set(key, value)
    }
    const text = query.toString()
    this.go(location.pathname + (text ? `?${text}` : ''), replace)
  }
}

export const router = new Router()

/** Follows links inside the application without loading the page again. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = (event.target as Element).closest('a')
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
  if (link.pathname.startsWith('/api/') || (link.hash && link.pathname === location.pathname)) return
  event.preventDefault()
  router.go(link.pathname + link.search)
  scrollTo(0, 0)
}
