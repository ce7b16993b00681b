// What the service says to citizens about requests in writing.
import { Problem, post } from './api/client'
import type { Key } from './i18n/all'
import { t } from './i18n/index.svelte'

export type Names = Record<string, string>
export interface Question { code: string, kind: string, required: boolean, name: Names, values: { key: string, name: Names }[] }
export interface FormCategory { id: string, name: Names, group: string, questions: Question[] }
export interface RequestForm { open: boolean, register: boolean, time_zone?: string, categories: FormCategory[] }
export interface FoundStreet { key: string, street: string, settlement: string | null, house: string | null }

export interface RequestKey { number: string, code: string }
export interface RequestStep { at: string, step: string, organisation: string | null }
export interface RequestPage {
  number: string, state: string, open: boolean, category_name: string, description: string, address: string | null
  registered_at: string, responsible: string | null, promised_by: string | null, first_promised_by: string | null
  overdue: boolean, continued: { number: string, state: string, open: boolean } | null, cycle: number, steps: RequestStep[], pictures: string[], rating: number | null
  work_pictures?: { id: string, role: string }[]
  appointment?: OwnAppointment | null
  calls?: OwnCall[]
  calls_ask_number?: boolean
  time_zone?: string
  may: { answer?: boolean, reopen: boolean, reopen_until: string | null, withdraw: boolean, rate: boolean, add: boolean }
}

export interface Receptions { open: boolean, time_zone?: string, items: Reception[] }
export interface Slot { starts_at: string, ends_at: string }
export interface Reception { id: string, name: Names, place: string, categories: string[], free: Slot[] }
export interface OwnAppointment extends Slot { reception: string, name: Names, place: string, state: 'booked' | 'held' | 'no_show' | 'cancelled', may_move: boolean, may_cancel: boolean }
export interface OwnCall { id: string, at: string, seconds: number, state: 'none' | 'asked' | 'allowed' | 'refused', reason: string | null }

export const pageOf = (key: RequestKey) => post<RequestPage>('/citizen/status', key)

/** A picture of a request as an address for `img`; to be revoked when it is no longer shown. */
export async function pictureOf(key: RequestKey, id: string, what: 'picture' | 'work-picture' = 'picture'): Promise<string> {
  const answer = await fetch(`/api/v1/citizen/${what}`, {
    method: 'POST', headers: { 'content-type': 'application/json', 'x-ringback': '1' }, body: JSON.stringify({ ...key, id }), credentials: 'same-origin',
  })
  if (!answer.ok) throw new Problem(answer.status, answer.statusText, '')
  return URL.createObjectURL(await answer.blob())
}

export const stepText = (step: string) => t(`step.${step}` as Key)
