// Who is signed in, and where each role works.
import { Problem, get, post, remove, whenSignedOut } from './api/client'
import type { Role, User } from './api/types'
import { router } from './router.svelte'
import { forgetStored, recall, remember } from './stored'

/** Pages by role; the first is the role's own. */
export const PAGES_OF: Record<Role, string[]> = {
  operator: ['/desk', '/receptions'],
  supervisor: ['/board', '/control', '/audit', '/reports', '/receptions', '/disclosures'],
  control: ['/control', '/reports', '/receptions', '/disclosures'],
  executor: ['/work'],
  mayor_office: ['/reports', '/control', '/audit', '/receptions', '/disclosures'],
  records: ['/reports', '/hearings', '/records', '/disclosures', '/engagements'],
  auditor: ['/audit', '/reports', '/hearings', '/records', '/disclosures'],
  admin: ['/admin', '/records', '/disclosures', '/engagements'],
}

/** Kept for one who works where there is no signal. */
const EXECUTOR = 'executor'

class Session {
  #asked: (() => Promise<boolean>)[] = []
  user = $state.raw<User | null>(null)
  /** `unknown` until the server has answered once. */
  state = $state<'unknown' | 'in' | 'out' | 'unreachable'>('unknown')

  async load() {
    try {
      this.#enter((await get<{ user: User }>('/session')).user)
    } catch (error) {
      const known = error instanceof Problem && error.status === 0 ? this.#executorHere() : null
      if (known) { this.#enter(known); return }
      this.user = null
      this.state = error instanceof Problem && error.status !== 401 ? 'unreachable' : 'out'
    }
  }

  /** `code` is of the second factor, for those who have one. */
  async signIn(user: string, password: string, code: string) {
    this.#enter((await post<{ user: User }>('/session', { user, password, ...(code ? { code } : {}) })).user)
  }

  /** Asked before a sign-out; one that answers false keeps the person signed in. */
  beforeSignOut(ask: () => Promise<boolean>) {
    this.#asked.push(ask)
  }

  async signOut() {
    for (const ask of this.#asked) if (!(await ask())) return
    forgetStored(EXECUTOR)
    const left = await remove<{ to: string } | undefined>('/session').catch(() => undefined)
    this.#leave()
    // Out of the city's identity provider, too: or the next person at this desk is signed in as this one.
    if (left?.to) { location.assign(left.to); return }
    router.go('/signin.html')
  }

  /** The server no longer knows us. */
  expired() {
    if (this.state !== 'in') return
    const back = location.pathname + location.search
    this.#leave()
    router.go(`/signin.html?to=${encodeURIComponent(back)}`)
  }

  get home(): string {
    return this.user ? (PAGES_OF[this.user.role][0] ?? '/') : '/signin.html'
  }

  may(page: string): boolean {
    return this.user !== null && PAGES_OF[this.user.role].includes(page)
  }

  /** Who worked here last: an executor goes on without signal, the service decides when there is one again. */
  #executorHere(): User | null {
    try {
      return location.pathname === '/work' ? (JSON.parse(recall(EXECUTOR) ?? 'null') as User | null) : null
    } catch {
      return null
    }
  }

  #enter(user: User) {
    this.user = user
    this.state = 'in'
    if (user.role === 'executor') remember(EXECUTOR, JSON.stringify(user))
    else forgetStored(EXECUTOR)
  }

  #leave() {
    this.user = null
    this.state = 'out'
  }
}

export const session = new Session()
whenSignedOut(() => session.expired())
