import type { Operation } from '../linearizability/history.js'
import type { KvAction } from '../linearizability/kv-model.js'

/** What was done to one key, as its callers know it. */
export class KeyHistory {
  readonly key: string
  readonly group: number
  /** In a group where keys are deleted, a key may come back, or begin, at any higher version. */
  readonly versions: 'own' | 'shared'
  readonly operations: Operation<KvAction>[] = []
  /** Writes whose end nobody knows: each doubles what the checker may have to try. */
  unknown = 0
  /** Calls that have not ended yet. */
  open = 0
  /** The last version that anybody saw, for compare-and-set. */
  lastVersion = 0

  constructor(key: string, group: number, versions: 'own' | 'shared') {
    this.key = key
    this.group = group
    this.versions = versions
  }
}
