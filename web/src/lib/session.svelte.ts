// Who is signed in, and where each role works.
import { Problem, get, post, remove, whenSignedOut } from './api/client'
import type { Role, User } from './api/types'
import { router } from './router.svelte'

/** Pages by role; the first is the role's own. */
export const PAGES_OF: Record<Role, string[]> = {
  operator: ['/desk'],
  supervisor: ['/board', '/control', '/audit', '/reports'],
  control: ['/control', '/reports'],
  executor: ['/work'],
  mayor_office: ['/reports', '/control', '/audit'],
  records: ['/reports'],
  auditor: ['/audit'],
  admin: ['/admin'],
}

class Session {
  user = $state.raw<User | null>(null)
  /** `unknown` until the server has answered once. */
  state = $state<'unknown' | 'in' | 'out' | 'unreachable'>('unknown')

  async load() {
    try {
      this.#enter((await get<{ user: User }>('/session')).user)
    } catch (error) {
      this.user = null
      this.state = error instanceof Problem && error.status !== 401 ? 'unreachable' : 'out'
    }
  }

  async signIn(user: string, password: string) {
    this.#enter((await post<{ user: User }>('/session', { user, password })).user)
  }

  async signOut() {
    await remove('/session').catch(() => {})
    this.#leave()
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

  #enter(user: User) {
    this.user = user
    this.state = 'in'
  }

  #leave() {
    this.user = null
    this.state = 'out'
  }
}

export const session = new Session()
whenSignedOut(() => session.expired())
