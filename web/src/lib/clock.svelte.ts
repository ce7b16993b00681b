// The present moment, once a second, for timers and relative words: the service's, where this computer's clock is off.
import { whenAnswered } from './api/client'
import { clockError } from './time'

class Clock {
  now = $state(Date.now())
  #behind = 0

  constructor() {
    setInterval(() => (this.now = this.exact()), 1000)
    whenAnswered((date, askedAt) => (this.#behind = clockError(date, askedAt, Date.now(), this.#behind)))
  }

  /** The present moment between two ticks, ms. */
  exact(): number {
    return Date.now() + this.#behind
  }
}

export const clock = new Clock()
