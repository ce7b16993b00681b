// The desk's phone: where it is (in this page, or any SIP phone of the operator's own), which tab has it, and what it does.
import { get } from '../api/client'
import { recall, remember } from '../stored'
import { Ownership } from './owner'
import { canTurn, heard, IDLE, inConference, type Account, type Devices, type MakePhone, type Phone, type PhoneState, type Statistics } from './phone'
import { quality, type Quality } from './quality'
import { chooseDevices, chosenDevices, ring, sign } from './sound'

export type Place = 'page' | 'own'

/** Between two readings of the counters of a call, milliseconds. */
const READ_EVERY_MS = 2000

/** What the phone needs of the world; tests bring their own. */
export interface World {
  locks: () => LockManager
  account: () => Promise<Account>
  /** JsSIP is large and most desks have a telephone: it is fetched when it is wanted. */
  load: () => Promise<MakePhone>
  ring: (speaker: string) => () => void
  /** Says by sound that somebody else is on the line now than a moment ago. */
  sign: (speaker: string) => void
}

export const BROWSER: World = {
  locks: () => navigator.locks,
  account: () => get<Account>('/operators/me/phone'),
  load: async () => (await import('./jssip')).makePhone,
  ring,
  sign,
}

export class DeskPhone {
  place = $state<Place>(recall('phone') === 'page' ? 'page' : 'own')
  /** Which tab has the phone; `asking` until the browser has said. */
  tab = $state<'none' | 'asking' | 'mine' | 'elsewhere'>('none')
  state = $state.raw<PhoneState>(IDLE)
  quality = $state.raw<Quality | null>(null)
  /** The operator has tried the sound since the page was opened. */
  checked = $state(false)
  /** Why the phone could not be had. */
  error = $state.raw<unknown>(null)

  #world: World
  #ownership: Ownership | null = null
  #phone: Phone | null = null
  #devices: Devices = { microphone: '', speaker: '' }
  /** Counts starts and stops: what arrives for an old one is dropped. */
  #turn = 0
  #stopRinging: (() => void) | null = null
  #reading: ReturnType<typeof setInterval> | undefined

  /** Obliging: answers by itself whoever asks for that, as the server does for supervisors. */
  constructor(world: World = BROWSER, private obliging = false) {
    this.#world = world
  }

  /** Ours to use: in this page and in this tab. */
  get here(): boolean {
    return this.place === 'page' && this.tab === 'mine'
  }

  /** For as long as the desk is open; returns how to close it. */
  open(): () => void {
    if (this.place === 'page') this.#seek()
    return () => this.leave()
  }

  choose(place: Place) {
    if (place === this.place) return
    this.place = place
    remember('phone', place)
    if (place === 'page') this.#seek()
    else this.leave()
  }

  takeOver() {
    this.#ownership?.ask(true)
  }

  /** After a refusal: with the account as it is now. */
  again() {
    if (!this.here) return
    this.#stop()
    void this.#start()
  }

  use(devices: Devices) {
    chooseDevices(devices)
    this.#devices = devices
    this.#phone?.use(devices)
  }

  answer = () => this.#phone?.answer()
  decline = () => this.#phone?.decline()
  hangUp = () => this.#phone?.hangUp()
  press = (digit: string) => this.#phone?.press(digit)

  /** Holds and resumes; with a colleague beside: talks to the other one, out of three to the colleague alone. */
  toggleHold = () => {
    const { consultation, with: whom } = this.state
    if (consultation) this.#phone?.talkTo(whom === 'colleague' ? 'caller' : 'colleague')
    else this.#phone?.talkTo(whom === 'nobody' ? 'caller' : 'nobody')
  }

  toggleMute = () => this.#phone?.mute(!this.state.muted)

  consult = (extension: string) => this.#phone?.consult(extension)
  endConsultation = () => this.#phone?.endConsultation()
  handOver = () => this.#phone?.handOver()

  /** All three, or the colleague alone again. */
  toggleConference = () => {
    if (canTurn(this.state)) this.#phone?.talkTo(inConference(this.state) ? 'colleague' : 'both')
  }

  #seek() {
    this.tab = 'asking'
    this.#ownership = new Ownership(this.#world.locks(), (mine) => {
      this.tab = mine ? 'mine' : 'elsewhere'
      this.#stop()
      if (mine) void this.#start()
    })
    this.#ownership.ask()
  }

  /** Gives the phone up, here and now: a page that goes away has no later. */
  leave() {
    this.#stop()
    this.#ownership?.release()
    this.#ownership = null
    this.tab = 'none'
  }

  async #start() {
    const turn = ++this.#turn
    this.state = { ...IDLE, line: 'registering' }
    try {
      const [makePhone, account] = await Promise.all([this.#world.load(), this.#world.account()])
      if (turn !== this.#turn) return
      this.#devices = chosenDevices()
      this.#phone = makePhone((state) => { if (turn === this.#turn) this.#told(state) }, this.obliging)
      this.#phone.start(account, this.#devices)
    } catch (error) {
      if (turn !== this.#turn) return
      this.error = error
      this.state = { ...IDLE, line: 'failed' }
    }
  }

  #stop() {
    this.#turn += 1
    this.#phone?.stop()
    this.#phone = null
    this.error = null
    this.#told(IDLE)
  }

  #told(state: PhoneState) {
    const before = this.state
    this.state = state
    const rings = state.call?.phase === 'ringing'
    if (rings) this.#stopRinging ??= this.#world.ring(this.#devices.speaker)
    else {
      this.#stopRinging?.()
      this.#stopRinging = null
    }
    if (state.news && state.news !== before.news) this.#world.sign(this.#devices.speaker)
    if (heard(state) !== heard(before)) this.#read(heard(state) !== null)
  }

  /** Reads the counters of the call that is heard now; those of another one are no use to it. */
  #read(on: boolean) {
    clearInterval(this.#reading)
    this.#reading = undefined
    this.quality = null
    if (!on) return
    let before: Statistics | null = null
    const reading = setInterval(async () => {
      const now = await this.#phone?.statistics()
      if (!now || reading !== this.#reading) return
      if (before) this.quality = quality(before, now)
      before = now
    }, READ_EVERY_MS)
    this.#reading = reading
  }
}
