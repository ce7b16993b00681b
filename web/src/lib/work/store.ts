// What the executor's telephone keeps while there is no signal: the last list, and what waits to be sent. IndexedDB,
// because photos are larger than anything else a browser keeps. A browser that keeps nothing still works with signal.
import type { City, WorkOrder } from '../api/types'

/** Steps of the lead, steps of who has a part of the order, and photos. */
export type Kind = 'accept' | 'start' | 'decline' | 'report' | 'part-accept' | 'part-decline' | 'part-report' | 'photo'

/** One thing that was pressed and is not with the service yet. */
export interface Waiting {
  /** Grows: the order of sending. */
  id: number
  /** Sent along, so that a repeated sending changes nothing. */
  key: string
  user: string
  /** Register number of the case. */
  number: string
  kind: Kind
  body: Record<string, unknown>
  photo: { role: 'before' | 'after', blob: Blob } | null
  /** Milliseconds since 1970. */
  pressedAt: number
  /** The service's no, with its words; it stays until somebody has read it. */
  refusal: { status: number, detail: string } | null
}

/** The last list, with the names needed to read it. No applicant is in it. */
export interface Kept {
  user: string
  at: number
  orders: WorkOrder[]
  city: City | null
}

const NAME = 'ringback.work'
/** Photos of a long day in a cellar; further ones are refused in words, nothing is lost silently. */
export const MAX_WAITING = 100

let opened: Promise<IDBDatabase> | null = null

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('kept', { keyPath: 'user' })
      request.result.createObjectStore('outbox', { keyPath: 'id', autoIncrement: true })
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => { opened = null; reject(request.error) }
  })
  return opened
}

/** One request in a transaction of its own; resolves when it is on the disk. */
async function run<T>(store: 'kept' | 'outbox', mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await open()).transaction(store, mode, { durability: 'strict' })
  const request = ask(transaction.objectStore(store))
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result)
    transaction.onerror = transaction.onabort = () => reject(transaction.error)
  })
}

export const keep = (kept: Kept) => run('kept', 'readwrite', (store) => store.put(kept))
export const kept = (user: string): Promise<Kept | undefined> => run('kept', 'readonly', (store) => store.get(user))
export const waiting = (): Promise<Waiting[]> => run('outbox', 'readonly', (store) => store.getAll())
export const put = (item: Omit<Waiting, 'id'> & { id?: number }) => run('outbox', 'readwrite', (store) => store.put(item))
export const take = (id: number) => run('outbox', 'readwrite', (store) => store.delete(id))

/** Everything of everybody: the telephone may be somebody else's tomorrow. */
export async function forget() {
  await run('kept', 'readwrite', (store) => store.clear())
  await run('outbox', 'readwrite', (store) => store.clear())
}
