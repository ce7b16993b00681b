// What was pressed and is not with the service yet. Everything the executor does goes through here, with signal or
// without: it is on the disk before it is sent, and off it when the service has it.
import { Problem } from '../api/client'
import type { CaseState, WorkOrder } from '../api/types'
import { next, passes, send } from './sending'
import { MAX_WAITING, put, take, waiting, type Kind, type Waiting } from './store'

/** After a failed sending, ms; twice as long each time, up to a minute. */
const FIRST_PAUSE = 4_000
const LONGEST_PAUSE = 60_000
/** Two tabs of one telephone send one after the other. */
const LOCK = 'ringback.outbox'

export class Full extends Error {}

class Outbox {
  items = $state.raw<Waiting[]>([])
  /** Id of what is being sent. */
  sending = $state<number | null>(null)
  /** The last attempt reached nobody. */
  silent = $state(false)
  /** Grows with each thing the service took or refused. */
  settled = $state(0)
  #user: string | null = null
  #pause = FIRST_PAUSE
  #timer: ReturnType<typeof setTimeout> | undefined
  #busy = false
  #tabs = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(LOCK)

  constructor() {
    if (typeof addEventListener === 'undefined') return
    addEventListener('online', () => this.flush())
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.flush() })
    this.#tabs?.addEventListener('message', () => this.#read())
  }

  async open(user: string) {
    this.#user = user
    await this.#read()
    this.flush()
  }

  close() {
    this.#user = null
    this.items = []
    clearTimeout(this.#timer)
  }

  of(number: string): Waiting[] {
    return this.items.filter((item) => item.number === number)
  }

  async add(number: string, kind: Kind, body: Record<string, unknown> = {}, photo: Waiting['photo'] = null) {
    if (!this.#user) return
    if (this.items.length >= MAX_WAITING) throw new Full()
    await put({ key: crypto.randomUUID(), user: this.#user, number, kind, body, photo, pressedAt: Date.now(), refusal: null })
    await this.#read()
    this.#tabs?.postMessage('added')
    await this.flush()
  }

  /** The executor has read the refusal and gives the step up. */
  async drop(id: number) {
    await take(id)
    await this.#read()
    this.settled += 1
    this.flush()
  }

  /** The executor wants it tried once more: as a new request, since the old one has its answer. */
  async again(item: Waiting) {
    await put({ ...item, key: crypto.randomUUID(), refusal: null })
    await this.#read()
    await this.flush()
  }

  async flush() {
    clearTimeout(this.#timer)
    if (this.#busy || !this.#user) return
    this.#busy = true
    try {
      if (navigator.locks) await navigator.locks.request(LOCK, () => this.#sendAll())
      else await this.#sendAll()
    } finally {
      this.#busy = false
    }
    // Pressed while the last one was being sent.
    if (!this.silent && this.#user && next(this.items, this.#user)) this.flush()
  }

  async #sendAll() {
    await this.#read()
    for (let item = this.#next(); item; item = this.#next()) {
      this.sending = item.id
      try {
        await send(item)
        await take(item.id)
        this.silent = false
        this.#pause = FIRST_PAUSE
      } catch (problem) {
        if (passes(problem) || !(problem instanceof Problem)) {
          this.silent = true
          this.#timer = setTimeout(() => this.flush(), this.#pause)
          this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
          break
        }
        this.silent = false
        await put({ ...item, refusal: { status: problem.status, detail: problem.detail } })
      } finally {
        this.sending = null
      }
      await this.#read()
      this.settled += 1
      this.#tabs?.postMessage('sent')
    }
  }

  #next = () => (this.#user ? next(this.items, this.#user) : null)

  async #read() {
    try {
      this.items = (await waiting()).filter((item) => item.user === this.#user)
    } catch {
      // A browser that keeps nothing: there is nothing waiting either.
      this.items = []
    }
  }
}

export const outbox = new Outbox()

const LEADS_TO: Partial<Record<Kind, CaseState>> = { accept: 'accepted', start: 'in_progress', report: 'work_reported', decline: 'registered' }

/** The state the case will be in when all that waits has been taken. */
export function expected(state: CaseState, items: readonly Waiting[]): CaseState {
  return items.reduce((state, item) => (item.refusal ? state : (LEADS_TO[item.kind] ?? state)), state)
}

const PART_LEADS_TO: Partial<Record<Kind, string>> = { 'part-accept': 'accepted', 'part-report': 'reported', 'part-decline': 'declined' }

/** The same of one's own part in another's order. */
export function expectedPart(state: string | null, items: readonly Waiting[]): string | null {
  return state && items.reduce((state, item) => (item.refusal ? state : (PART_LEADS_TO[item.kind] ?? state)), state)
}

export const expectedOf = (order: WorkOrder, items: readonly Waiting[]): WorkOrder =>
  ({ ...order, case_state: expected(order.case_state, items.filter((item) => item.number === order.number)) })
