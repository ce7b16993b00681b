// All messages of the application under one key type.
import { address } from './address'
import { audit } from './audit'
import { board } from './board'
import { cases } from './cases'
import type { Entry } from './catalogue'
import { citizen } from './citizen'
import { clocks } from './clocks'
import { common } from './common'
import { consult } from './consult'
import { desk } from './desk'
import { lifecycle } from './lifecycle'
import { notices } from './notices'
import { phone } from './phone'
import { requests } from './requests'
import { supervision } from './supervision'
import { verification } from './verification'
import { webCall } from './web-call'
import { work } from './work'

const all = { ...address, ...common, ...citizen, ...clocks, ...consult, ...desk, ...phone, ...board, ...supervision, ...cases, ...lifecycle, ...verification, ...notices, ...audit, ...webCall, ...work, ...requests }
/** Texts that come with pages which are fetched when they are wanted. */
type Late = typeof import('./admin').admin

export type Key = keyof typeof all | keyof Late
export const CATALOGUE = all as Readonly<Record<Key, Entry>>

/** Called by such a page before it is shown. */
export const addTexts = (texts: Late) => Object.assign(all, texts)
