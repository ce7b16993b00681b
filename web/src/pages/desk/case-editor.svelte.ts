// The case under the operator's hands: every change is sent at once, one at a time, and shown as saved or not.
import { get, patch, segment } from '../../lib/api/client'
import type { Case, SiteChoice } from '../../lib/api/types'

export interface Change {
  category?: string
  address?: string
  site?: SiteChoice
  flat?: string
  territory?: string
  description?: string
  priority?: string
  applicant_name?: string
}

export class CaseEditor {
  shown = $state.raw<Case | null>(null)
  loadError = $state.raw<unknown>(null)
  saving = $state<'idle' | 'saving' | 'saved' | 'failed'>('idle')
  saveError = $state.raw<unknown>(null)

  #number: string | null = null
  /** Counts what was asked and what was changed: an answer to an older question would take a change off the screen. */
  #turn = 0
  #waiting: Change = {}
  #running: Promise<void> | null = null
  #lookingUp: Promise<void> | null = null

  async open(number: string | null) {
    if (number === this.#number) return
    await this.settled()
    this.#number = number
    this.#turn += 1
    this.shown = null
    this.loadError = null
    this.saving = 'idle'
    this.saveError = null
    this.#waiting = {}
    if (number) await this.reload()
  }

  async reload() {
    const number = this.#number
    if (!number) return
    const turn = ++this.#turn
    try {
      const fresh = await get<Case>(`/cases/${segment(number)}`)
      if (turn !== this.#turn) return
      this.shown = fresh
      this.loadError = null
    } catch (error) {
      if (turn === this.#turn) this.loadError = error
    }
  }

  /** Remembers the change and sends it; changes made meanwhile go together in the next request. */
  change(change: Change): Promise<void> {
    const waiting = { ...this.#waiting }
    // Of an address chosen and one written, the last counts.
    if (change.site) { delete waiting.address; delete waiting.flat }
    if (change.address !== undefined) delete waiting.site
    this.#waiting = { ...waiting, ...change }
    this.#running ??= this.#send()
    return this.#running
  }

  retry(): Promise<void> {
    return this.change({})
  }

  /** A change is being worked out, and is waited for like one that is sent. */
  pending(work: Promise<void>) {
    this.#lookingUp = work
  }

  /** Resolves when nothing is on its way. */
  async settled() {
    await this.#lookingUp
    await this.#running
  }

  async #send() {
    const number = this.#number
    while (number && Object.keys(this.#waiting).length > 0) {
      const change = this.#waiting
      this.#waiting = {}
      this.#turn += 1
      this.saving = 'saving'
      try {
        await patch(`/cases/${segment(number)}`, change)
        this.saving = 'saved'
        this.saveError = null
      } catch (error) {
        this.#waiting = { ...change, ...this.#waiting }
        this.saving = 'failed'
        this.saveError = error
        break
      }
    }
    this.#running = null
    if (this.saving === 'saved') await this.reload()
  }
}
