// All messages of the application under one key type.
import { audit } from './audit'
import { board } from './board'
import { cases } from './cases'
import type { Entry } from './catalogue'
import { citizen } from './citizen'
import { common } from './common'
import { desk } from './desk'
import { phone } from './phone'

const all = { ...common, ...citizen, ...desk, ...phone, ...board, ...cases, ...audit }

export type Key = keyof typeof all
export const CATALOGUE: Readonly<Record<Key, Entry>> = all
