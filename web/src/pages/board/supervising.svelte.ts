// What the supervisor does among the operators: the one talk they are in, the reason, the questions that are open, and how
// the last deed ended.
import { post, put, remove, segment } from '../../lib/api/client'
import { live } from '../../lib/api/live.svelte'
import type { LiveOperator, Supervision } from '../../lib/api/types'
import { clock } from '../../lib/clock.svelte'
import type { Key } from '../../lib/i18n/all'
import { isolated, t } from '../../lib/i18n/index.svelte'
import { unbroken } from '../../lib/phone'
import { recall, remember } from '../../lib/stored'
import { problemText } from '../../parts/problem'
import { placeOf, refusalOf } from './talks'

interface Wish { call: string, how: Supervision }

/** What is being asked before something is done. */
export type Question =
  | { what: 'why', then: Wish | null }
  | { what: 'take_over', call: string }
  | { what: 'not_ready', operator: LiveOperator }
  | { what: 'queues', operator: LiveOperator }
  /** To all desks without an operator. */
  | { what: 'message', operator: LiveOperator | null }

export class Supervising {
  question = $state.raw<Question | null>(null)
  /** How the last deed ended, for reading. */
  note = $state.raw<{ tone: 'good' | 'bad', text: string, about: Key | null } | null>(null)
  /** For the journal, until the visit ends: a code of WHY, or words. */
  reason = $state('')
  /** Asked for and not in the live picture yet. */
  #asked = $state.raw<Wish | null>(null)
  /** Asked for and not answered yet. */
  #inFlight: Wish | null = null
  /** The talk we are leaving. */
  #leaving: string | null = null
  /** One after the other, so that the last key pressed is what counts. */
  #last: Promise<unknown> = Promise.resolve()
  #came = $state.raw<{ call: string, at: number } | null>(null)

  readonly place = $derived.by(() => placeOf(live.state, this.me))
  /** What is done or about to be: the phone may be answered before the picture tells. */
  readonly how = $derived(this.place?.how ?? this.#asked?.how ?? null)
  /** Milliseconds in the talk; null while not there. */
  readonly inTalkMs = $derived(this.place?.present && this.#came?.call === this.place.call.id ? Math.max(0, clock.now - this.#came.at) : null)

  constructor(readonly me: string, readonly extension: string | null) {
    this.reason = recall(this.#key('why'), 'visit') ?? ''
    // The picture does not tell since when: noted here, so that a page loaded again still knows.
    const [call, at] = (recall(this.#key('came'), 'visit') ?? '').split(' ')
    if (call && at) this.#came = { call, at: Number(at) }
  }

  /** One tab may see several people sign in. */
  #key = (name: string) => `supervising.${name}.${this.me}`

  /** Called with every change of the place. */
  follow() {
    const { place } = this
    if (place?.call.id === this.#asked?.call && place?.how === this.#asked?.how) this.#asked = null
    if (place?.call.id !== this.#leaving) this.#leaving = null
    if (place?.present && this.#came?.call !== place.call.id) {
      this.#came = { call: place.call.id, at: clock.exact() }
      remember(this.#key('came'), `${this.#came.call} ${this.#came.at}`, 'visit')
    } else if (!place && this.#came) {
      this.#came = null
      remember(this.#key('came'), '', 'visit')
    }
    // The talk that a question is about can end under it.
    const about = this.question?.what === 'take_over' ? this.question.call : this.question?.what === 'why' ? this.question.then?.call : undefined
    if (about && !live.state.calls.some((call) => call.id === about && call.phase === 'talking')) {
      this.question = null
      this.#tell('bad', t('supError.noTalk'))
    }
  }

  /** The phone in the page has hung up. */
  callOver() {
    this.#asked = null
  }

  nameOf = (operator: string | null) => live.state.operators.find((known) => known.id === operator)?.name ?? null

  /** Who talks, for a sentence. */
  get parties(): { name: string, caller: string } {
    const call = this.place?.call
    return { name: isolated(this.nameOf(call?.operator ?? null) ?? t('role.operator')), caller: isolated(call?.caller ? unbroken(call.caller) : t('sup.citizen')) }
  }

  /** Comes into a talk or changes what is done there; asks first what has to be asked. */
  wish(call: string, how: Supervision) {
    const [at, does] = this.#inFlight ? [this.#inFlight.call, this.#inFlight.how] : [this.place?.call.id, this.place?.how]
    if (at === call && does === how) return
    if (!this.reason) this.question = { what: 'why', then: { call, how } }
    else if (how === 'take_over') this.question = { what: 'take_over', call }
    else void this.#supervise({ call, how })
  }

  giveReason(reason: string) {
    const question = this.question
    this.question = null
    this.reason = reason
    remember(this.#key('why'), reason, 'visit')
    if (question?.what === 'why' && question.then) this.wish(question.then.call, question.then.how)
  }

  takeOver(call: string) {
    this.question = null
    void this.#supervise({ call, how: 'take_over' })
  }

  /** The talk goes on without us; one that was taken over ends. */
  leave() {
    const { place } = this
    if (!place || this.#leaving === place.call.id) return
    this.#leaving = place.call.id
    const ours = place.call.operator === this.me
    const left = this.#do(() => (ours ? post(`/calls/${segment(place.call.id)}/hangup`) : remove(`/calls/${segment(place.call.id)}/supervision`)))
    void left.then((done) => { if (!done) this.#leaving = null })
  }

  makeReady = (operator: LiveOperator) => this.#do(() => post(`/operators/${segment(operator.id)}/status`, { status: 'ready' }))

  makeNotReady(operator: LiveOperator, reason: string) {
    this.question = null
    void this.#do(() => post(`/operators/${segment(operator.id)}/status`, { status: 'not_ready', reason }))
  }

  /** Fails with what the service has against it. */
  async assign(operator: LiveOperator, queues: string[], skills: Record<string, number>, reason: string) {
    await put(`/operators/${segment(operator.id)}/queues`, { queues, skills, reason })
    this.#tell('good', t('assign.done', { name: isolated(operator.name) }))
  }

  /** Fails where nobody would read it. */
  async say(operator: LiveOperator | null, text: string) {
    const to = operator ? `/operators/${segment(operator.id)}/messages` : '/operators/messages'
    const { operators } = await post<{ operators: number }>(to, { text })
    if (operators === 0) this.#tell('bad', t('say.nobody'))
    else this.#tell('good', operator ? t('say.sent', { name: isolated(operator.name) }) : t('say.sentAll', { count: operators }))
  }

  async #supervise(wish: Wish) {
    this.#asked = wish
    this.#inFlight = wish
    const done = await this.#do(() => post(`/calls/${segment(wish.call)}/supervision`, { how: wish.how, reason: this.reason }))
    if (this.#inFlight === wish) this.#inFlight = null
    if (!done && this.#asked === wish) this.#asked = null
  }

  async #do(action: () => Promise<unknown>): Promise<boolean> {
    this.note = null
    try {
      const turn = this.#last.then(action)
      this.#last = turn.catch(() => {})
      await turn
      return true
    } catch (error) {
      const known = refusalOf(error)
      const { text, detail } = problemText(error)
      this.#tell('bad', known ? t(known) : `${text} ${detail}`.trim(), known)
      return false
    }
  }

  #tell(tone: 'good' | 'bad', text: string, about: Key | null = null) {
    this.note = { tone, text, about }
  }
}
