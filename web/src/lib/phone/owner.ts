// Exactly one tab owns the phone: a lock of the browser's, so that it is free again whatever becomes of the tab.

const LOCK = 'ringback.phone'

export class Ownership {
  /** What ends our holding or waiting; none while we do neither. */
  #leave: (() => void) | null = null

  /** `told` hears whether the phone is ours, at first and whenever that changes. */
  constructor(private locks: LockManager, private told: (mine: boolean) => void) {}

  /** Asks for the phone and waits in line; with `takeOver` the tab that has it loses it. */
  ask(takeOver = false) {
    this.release()
    const waiting = new AbortController()
    let held = false
    const hold = () => new Promise<void>((resolve) => {
      held = true
      leave = () => { this.#leave = null; resolve() }
      this.#leave = leave
      this.told(true)
    })
    let leave = () => { this.#leave = null; waiting.abort() }
    this.#leave = leave
    const asked = takeOver ? this.locks.request(LOCK, { steal: true }, hold) : this.locks.request(LOCK, { signal: waiting.signal }, hold)
    // Rejected when another tab took it over, or when we left while waiting.
    asked.catch(() => {
      if (this.#leave !== leave) return
      this.told(false)
      this.ask()
    })
    if (!takeOver) void this.locks.query().then(() => { if (!held && this.#leave === leave) this.told(false) })
  }

  release() {
    this.#leave?.()
  }
}
