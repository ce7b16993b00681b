// Where the people of the invented city are signed in.
const hour = 3_600_000
const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

const session = (n: number, source: string, browser: string, seen: number, own = false) =>
  ({ id: `0193a000-0000-7000-8000-0000000000${n}`, opened_at: ago(seen + hour), seen_at: ago(seen), ends_at: ago(-11 * hour), source, browser, own })

export function sessionsApi() {
  let open = [
    session(10, '192.0.2.14', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0', 0, true),
    session(11, '192.0.2.77', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36', 2 * hour),
    session(12, '2001:db8:42::1580', 'Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36', 20 * 60_000),
  ]
  /** `id` is the session to end; without it all others are, or all of another person. */
  return (method: string, id: string | undefined, ofAnother = false): unknown => {
    if (method === 'GET') return { items: open, next: null }
    open = ofAnother ? [] : open.filter((one) => (id ? one.id !== id : one.own))
    return undefined
  }
}
