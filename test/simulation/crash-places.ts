import type { NodeFault } from './coverage.js'
import type { Place } from './faults.js'

/** Places where a crash is what it is everywhere. */
export type CrashPlace = Exclude<Place, 'commit' | 'execution'>

/** What it is counted as. */
export const CRASH_AT: Readonly<Record<CrashPlace, NodeFault>> = {
  input: 'crash at input',
  committed: 'crash at committed',
  send: 'crash at send',
  trimmed: 'crash after a trim',
  save: 'crash before a state commit',
  saved: 'crash after a state commit',
  taking: 'crash while a checkpoint is taken',
  taken: 'crash after a checkpoint is taken',
  'part read': 'crash while a part is read',
  'part stored': 'crash while a part is stored',
  'load received': 'crash at load: received',
  'load staged': 'crash at load: staged',
  'load log moved': 'crash at load: log moved',
  'load state moved': 'crash at load: state moved',
}
