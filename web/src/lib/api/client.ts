// One way to the server: JSON in, JSON out, RFC 9457 problems as typed errors.

export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    /** Seconds to wait, of a 429. */
    readonly retryAfter: number | null = null,
    /** Complaints about configuration files, `file:line:column: message`. */
    readonly diagnostics: string[] = [],
    /** Which problem it is, where the service has a name for it. */
    readonly code: string = '',
  ) {
    super(detail || title)
  }
}

const API = '/api/v1'
/** What problem types with a name begin with (RFC 9457 3.1.1). */
const PROBLEMS = 'urn:ringback:problem:'

const nameOf = (type: string | undefined) => (type?.startsWith(PROBLEMS) ? type.slice(PROBLEMS.length) : '')

type Query = Record<string, string | number | boolean | null | undefined>

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value))
  }
  const text = search.toString()
  return API + path + (text ? `?${text}` : '')
}

/** A value as one segment of a path. */
export const segment = encodeURIComponent

export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get('retry-after')) || null
  let body: { type?: string; title?: string; detail?: string; diagnostics?: string[] } = {}
  try {
    body = await response.json()
  } catch {
    // Not a problem document: the status alone has to do.
  }
  return new Problem(response.status, body.title ?? response.statusText, body.detail ?? '', retryAfter, body.diagnostics ?? [], nameOf(body.type))
}

let onSignedOut = () => {}

/** Called when the server says 401 to anything but a sign-in. */
export function whenSignedOut(action: () => void) {
  onSignedOut = action
}

let onAnswered: (date: string | null, askedAt: number) => void = () => {}

/** Called with the Date header of each answer and the moment of the question, ms. */
export function whenAnswered(action: typeof onAnswered) {
  onAnswered = action
}

/** After so long without a key or a touch what a page asks is no use of the session: nobody sits there. */
const ATTENDED_MS = 60_000
let touchedAt = Date.now()
if (typeof window !== 'undefined') {
  for (const event of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    window.addEventListener(event, () => (touchedAt = Date.now()), { passive: true, capture: true })
  }
}

async function send<T>(method: string, url: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') headers['x-ringback'] = '1'
  if (Date.now() - touchedAt > ATTENDED_MS) headers['x-ringback-unattended'] = '1'
  if (body !== undefined) headers['content-type'] = 'application/json'
  const askedAt = Date.now()
  let response: Response
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: 'same-origin' })
  } catch {
    throw new Problem(0, '', '')
  }
  onAnswered(response.headers.get('date'), askedAt)
  if (!response.ok) {
    if (response.status === 401 && !url.startsWith(`${API}/session`)) onSignedOut()
    throw await problemOf(response)
  }
  if (response.status === 204) return undefined as T
  const text = await response.text()
  return (text ? JSON.parse(text) : undefined) as T
}

export const get = <T>(path: string, query?: Query) => send<T>('GET', address(path, query))
export const post = <T = unknown>(path: string, body: unknown = {}) => send<T>('POST', address(path), body)
export const put = <T = unknown>(path: string, body: unknown) => send<T>('PUT', address(path), body)
export const patch = <T = unknown>(path: string, body: unknown) => send<T>('PATCH', address(path), body)
export const remove = <T = void>(path: string) => send<T>('DELETE', address(path))

/** Sends bytes as they are. */
export async function sendBytes<T>(path: string, body: Blob, type: string): Promise<T> {
  let response: Response
  try {
    response = await fetch(address(path), { method: 'POST', headers: { accept: 'application/json', 'content-type': type, 'x-ringback': '1' }, body, credentials: 'same-origin' })
  } catch {
    throw new Problem(0, '', '')
  }
  if (!response.ok) {
    if (response.status === 401) onSignedOut()
    throw await problemOf(response)
  }
  return (await response.json()) as T
}

/** Sends a file; XMLHttpRequest because fetch tells nothing of the progress of an upload. */
export function upload<T>(path: string, fields: Record<string, string | Blob>, progress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    const request = new XMLHttpRequest()
    request.open('POST', address(path))
    request.setRequestHeader('x-ringback', '1')
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total)
    }
    request.onerror = () => reject(new Problem(0, '', ''))
    request.onload = async () => {
      const response = new Response(request.responseText || '{}', { status: request.status === 204 ? 200 : request.status })
      if (response.ok) resolve((await response.json()) as T)
      else reject(await problemOf(response))
    }
    request.send(form)
  })
}
