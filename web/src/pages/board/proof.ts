// Is the picture still the present? The stream is silent while nothing happens, and a line that broke without a word is
// silent too: once nothing was heard for a second, the board asks the service itself, and compares.
import { get } from '../../lib/api/client'
import { live } from '../../lib/api/live.svelte'
import type { LiveQueue, Page } from '../../lib/api/types'
import { clock } from '../../lib/clock.svelte'

const ASK_EVERY = 1000

/** Silence after which an answer that differs means a stuck stream, ms; shorter ones are a message on its way. */
const STUCK_AFTER = 5000

const picture = (queues: readonly LiveQueue[]) => JSON.stringify([...queues].sort((a, b) => (a.name < b.name ? -1 : 1))
  .map((queue) => [queue.name, queue.waiting, queue.longest_wait_secs, queue.operators_ready, queue.operators_talking]))

async function ask() {
  const { items } = await get<Page<LiveQueue>>('/queues')
  if (picture(items) === picture(live.state.queues)) live.confirm()
  else if (live.link === 'live' && silence() > STUCK_AFTER) live.renew()
}

const silence = () => clock.exact() - (live.provenAt ?? 0)

/** Keeps asking while the board is open; returns the end of it. */
export function keepProving(): () => void {
  let asking = false
  const timer = setInterval(() => {
    if (asking || live.link !== 'live' || silence() < ASK_EVERY - 50) return
    asking = true
    // A question without an answer proves nothing, and the age of the picture tells it.
    ask().catch(() => {}).finally(() => (asking = false))
  }, ASK_EVERY)
  return () => clearInterval(timer)
}
