// One waiting thing on its way to the service, and what its answer means.
import { address, Problem, problemOf, segment } from '../api/client'
import type { Waiting } from './store'

/** A photo over a weak network; the service waits as long. */
const PHOTO_DEADLINE = 120_000
const STEP_DEADLINE = 20_000

/** Sends it; a Problem with status 0 when nobody answered. */
export async function send(item: Waiting): Promise<void> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-ringback': '1', 'idempotency-key': item.key }
  let body: BodyInit
  if (item.photo) {
    const form = new FormData()
    form.append('role', item.photo.role)
    form.append('file', item.photo.blob, 'photo')
    body = form
  } else {
    headers['content-type'] = 'application/json'
    body = JSON.stringify({ ...item.body, pressed_at: new Date(item.pressedAt).toISOString() })
  }
  const path = `/cases/${segment(item.number)}/${item.photo ? 'evidence' : item.kind}`
  let response: Response
  try {
    response = await fetch(address(path), { method: 'POST', headers, body, credentials: 'same-origin', signal: AbortSignal.timeout(item.photo ? PHOTO_DEADLINE : STEP_DEADLINE) })
  } catch {
    throw new Problem(0, '', '')
  }
  if (!response.ok) throw await problemOf(response)
}

/** Whether the same may be tried again later without anybody deciding anything: no signal, busy, signed out. */
export const passes = (problem: unknown): boolean =>
  problem instanceof Problem && (problem.status === 0 || problem.status === 401 || problem.status === 408 || problem.status === 429 || problem.status >= 500)

/** The next to be sent: strictly in turn within an order; an order whose turn was refused waits for its executor. */
export function next(items: readonly Waiting[], user: string): Waiting | null {
  const halted = new Set(items.filter((item) => item.refusal).map((item) => item.number))
  return items.find((item) => item.user === user && !halted.has(item.number)) ?? null
}
