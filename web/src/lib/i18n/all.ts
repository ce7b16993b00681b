// All messages of the application under one key type. Pages take the type alone: the texts come by language (vite.words.ts).
import { access } from './access'
import { address } from './address'
import { admin } from './admin'
import { assign } from './assign'
import { audit } from './audit'
import { board } from './board'
import { cases } from './cases'
import type { Entry } from './catalogue'
import { citizen } from './citizen'
import { clocks } from './clocks'
import { code } from './code'
import { common } from './common'
import { consult } from './consult'
import { desk } from './desk'
import { dictation } from './dictation'
import { disclosures } from './disclosures'
import { engagements } from './engagements'
import { field } from './field'
import { incidents } from './incidents'
import { intake } from './intake'
import { lifecycle } from './lifecycle'
import { listening } from './listening'
import { notices } from './notices'
import { phone } from './phone'
import { problems } from './problems'
import { receptions } from './receptions'
import { records } from './records'
import { reports } from './reports'
import { requests } from './requests'
import { sso } from './sso'
import { supervision } from './supervision'
import { verification } from './verification'
import { webCall } from './web-call'
import { work } from './work'

const all = {
  ...access,
  ...address,
  ...admin,
  ...assign,
  ...audit,
  ...board,
  ...cases,
  ...citizen,
  ...clocks,
  ...code,
  ...common,
  ...consult,
  ...desk,
  ...dictation,
  ...disclosures,
  ...engagements,
  ...field,
  ...incidents,
  ...intake,
  ...lifecycle,
  ...listening,
  ...notices,
  ...phone,
  ...problems,
  ...receptions,
  ...records,
  ...reports,
  ...requests,
  ...sso,
  ...supervision,
  ...verification,
  ...webCall,
  ...work,
}

export type Key = keyof typeof all
export const CATALOGUE: Readonly<Record<Key, Entry>> = all
