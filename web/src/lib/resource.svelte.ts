// Something fetched: its value, that it is on its way, or why it did not come. Late answers of old requests are dropped.
import { get } from './api/client'
import type { Page } from './api/types'

export class Resource<T> {
  value = $state.raw<T | null>(null)
  error = $state.raw<unknown>(null)
  loading = $state(false)
  #turn = 0

  /** Keeps the old value on screen while the new one is fetched. */
  async load(fetcher: () => Promise<T>): Promise<void> {
    const turn = ++this.#turn
    this.loading = true
    try {
      const value = await fetcher()
      if (turn !== this.#turn) return
      this.value = value
      this.error = null
    } catch (error) {
      if (turn !== this.#turn) return
      this.error = error
    }
    this.loading = false
  }

  clear() {
    this.#turn += 1
    this.value = null
    this.error = null
    this.loading = false
  }
}

type Query = Record<string, string | number | boolean | null | undefined>

/** A list that grows page by page. */
export class List<T> extends Resource<Page<T>> {
  #path = ''
  #query: Query = {}

  open(path: string, query: Query = {}) {
    this.#path = path
    this.#query = query
    return this.load(() => get<Page<T>>(path, query))
  }

  again() {
    return this.open(this.#path, this.#query)
  }

  more() {
    const known = this.value
    if (!known?.next) return Promise.resolve()
    return this.load(async () => {
      const page = await get<Page<T>>(this.#path, { ...this.#query, cursor: known.next })
      return { items: [...known.items, ...page.items], next: page.next }
    })
  }
}
