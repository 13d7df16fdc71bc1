import type { Operation } from './history.js'
import type { KvAction } from './kv-model.js'

/** How far above its last version a key that comes anew may begin, at the most: enough for histories as small as these. */
const MOST_ABOVE = 24

interface Store {
  readonly value: string | undefined
  /** Of an absent key its last one. */
  readonly version: number
}

/**
 * Every order of every choice of operations, each carried out with real versions: for histories of some six operations. It
 * shares nothing with the model but the words for actions.
 */
export function bruteForce(operations: readonly Operation<KvAction>[], versions: 'own' | 'shared'): boolean {
  const above = versions === 'own' ? 1 : MOST_ABOVE
  const search = (rest: readonly Operation<KvAction>[], store: Store): boolean => {
    if (rest.every(({ end }) => end === Number.POSITIVE_INFINITY)) return true
    return rest.some((next) => {
      if (rest.some(({ end }) => end < next.call)) return false
      const others = rest.filter((operation) => operation !== next)
      return outcomes(next.action, store, above).some((after) => search(others, after))
    })
  }
  return search(operations, { value: undefined, version: 0 })
}

/** What the action may leave behind; none if it cannot have been answered so. */
function outcomes(action: KvAction, store: Store, above: number): Store[] {
  const absent = store.value === undefined
  const present = absent ? 0 : store.version
  switch (action.kind) {
    case 'get': {
      const { answer } = action
      const same = answer.kind === 'absent' ? absent : answer.value === store.value && answer.version === store.version
      return same ? [store] : []
    }
    case 'delete': {
      if (action.answer?.kind === 'absent') return absent ? [store] : []
      if (absent) return []
      const wrong = action.answer !== undefined && action.answer.version !== store.version
      return wrong ? [] : [{ value: undefined, version: store.version }]
    }
    case 'compare-and-set':
      if (action.answer?.kind === 'conflict') {
        return action.answer.version === present && present !== action.ifVersion ? [store] : []
      }
      return present === action.ifVersion ? written(action, store, above) : []
    case 'put':
      return written(action, store, above)
  }
}

function written(
  { value, answer }: { readonly value: string; readonly answer?: { readonly version: number } },
  { value: before, version }: Store,
  above: number,
): Store[] {
  const versions = Array.from({ length: before === undefined ? above : 1 }, (_, i) => version + 1 + i)
  return versions
    .filter((candidate) => answer === undefined || answer.version === candidate)
    .map((candidate) => ({ value, version: candidate }))
}
