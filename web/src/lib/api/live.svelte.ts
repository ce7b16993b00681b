// The desk's line to the switchboard: a WebSocket that comes back by itself and resumes where it was.
import { untrack } from 'svelte'
import { clock } from '../clock.svelte'
import { get } from './client'
import { EMPTY, apply, reconnectDelay, type LiveState } from './live'
import type { DeskMessage, LiveMessage, User } from './types'

/** Longest silence between two messages once the server has shown that it pings, ms. */
const SILENCE_LIMIT = 50_000

/** Messages kept for a desk that nobody reads; the oldest go first. */
const MOST_SAID = 50

class Live {
  state = $state.raw<LiveState>(EMPTY)
  link = $state<'off' | 'connecting' | 'live' | 'lost'>('off')
  /** When the picture was last known to be the present, ms; null before the first message. */
  provenAt = $state<number | null>(null)
  /** What supervisors have said to this page and nobody has put away, in its order. */
  said = $state.raw<readonly DeskMessage[]>([])

  #socket: WebSocket | null = null
  #attempt = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #watchdog: ReturnType<typeof setTimeout> | undefined
  #users = 0

  /** Opens the line while at least one page wants it; returns the release. */
  hold(): () => void {
    this.#users += 1
    // Called from effects: they must not run again with every message.
    if (this.#users === 1) untrack(() => this.#open())
    return () => {
      this.#users -= 1
      if (this.#users === 0) this.#close()
    }
  }

  #open() {
    this.link = this.#attempt === 0 ? 'connecting' : 'lost'
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const after = this.state.seq === null ? '' : `?after=${this.state.seq}`
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/events${after}`)
    this.#socket = socket
    socket.onmessage = (event) => this.#receive(String(event.data))
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost()
    }
  }

  #receive(text: string) {
    const message = JSON.parse(text) as LiveMessage
    this.#attempt = 0
    this.link = 'live'
    this.provenAt = clock.exact()
    this.state = apply(this.state, message, this.provenAt)
    if (message.type === 'said') this.said = [...this.said, message.message].slice(-MOST_SAID)
    if (message.type === 'ping' || this.#watchdog !== undefined) {
      clearTimeout(this.#watchdog)
      this.#watchdog = setTimeout(() => this.#socket?.close(), SILENCE_LIMIT)
    }
  }

  /** A message was read. */
  putAway(message: DeskMessage) {
    this.said = this.said.filter((other) => other !== message)
  }

  /** The service was asked by another way and tells the same. */
  confirm() {
    if (this.link === 'live') this.provenAt = clock.exact()
  }

  /** Gives up a line that has gone silent while the service goes on. */
  renew() {
    const socket = this.#socket
    this.#socket = null
    socket?.close()
    this.#lost()
  }

  #lost() {
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
    this.link = 'lost'
    this.#retry = setTimeout(() => this.#open(), reconnectDelay(this.#attempt, Math.random()))
    this.#attempt += 1
    // A closed line may mean an ended session; a 401 here leads to the sign-in page.
    if (this.#attempt === 3) get<User>('/operators', { limit: 1 }).catch(() => {})
  }

  #close() {
    clearTimeout(this.#retry)
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
    const socket = this.#socket
    this.#socket = null
    socket?.close()
    this.#attempt = 0
    this.link = 'off'
    this.provenAt = null
    this.state = EMPTY
    this.said = []
  }
}

export const live = new Live()
