// The city plan for staff pages: categories, territories, organisations; fetched once per sign-in.
import { get } from './api/client'
import type { City, Name } from './api/types'
import { isolated, named, t } from './i18n/index.svelte'
import { Resource } from './resource.svelte'

/** Names stand in one language; quotation marks of theirs must not turn round in a page of the other direction. */
const plain = (name: string | null | undefined) => (name ? isolated(name) : '')

class CityPlan extends Resource<City> {
  #asked = false

  need() {
    if (this.#asked) return
    this.#asked = true
    this.load(() => get<City>('/city')).then(() => (this.#asked = this.value !== null))
  }

  category(id: string | null | undefined): string {
    return named(this.value?.categories.find((category) => category.id === id)?.name) || id || ''
  }

  /** The reader's name of what a case is about; the server's own is in the language of the case. */
  categoryOf(item: { category: string, category_name: Name, withheld?: boolean }): string {
    if (item.withheld) return t('restricted.name')
    return named(this.value?.categories.find((category) => category.id === item.category)?.name) || named(item.category_name)
  }

  territory(id: string | null | undefined): string {
    return plain(named(this.value?.territories.find((territory) => territory.id === id)?.name) || id)
  }

  organisation(id: string | null | undefined): string {
    return plain(named(this.value?.organisations.find((organisation) => organisation.id === id)?.name) || id)
  }
}

export const cityPlan = new CityPlan()
