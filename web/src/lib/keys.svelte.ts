// The keys as this browser's operator has them.
import { DEFAULT_KEYS, readKeys, type Action, type Bindings } from './keys'
import { recall, remember } from './stored'

class Keys {
  bindings = $state.raw<Bindings>(readKeys(recall('keys')))

  of(action: Action): string {
    return this.bindings[action]
  }

  set(action: Action, name: string) {
    this.#keep({ ...this.bindings, [action]: name })
  }

  reset() {
    this.#keep({ ...DEFAULT_KEYS })
  }

  get changed(): boolean {
    return JSON.stringify(this.bindings) !== JSON.stringify(DEFAULT_KEYS)
  }

  #keep(bindings: Bindings) {
    this.bindings = bindings
    remember('keys', JSON.stringify(bindings))
  }
}

export const keys = new Keys()
