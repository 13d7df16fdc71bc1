import type { Model } from './history.js'

/** What a client of examples/kv asks of one key, and hears. `answer` is missing where the end is unknown. */
export type KvAction =
  | { readonly kind: 'put'; readonly value: string; readonly answer?: Done }
  | {
      readonly kind: 'compare-and-set'
      readonly value: string
      /** The version that the key must have; 0: it must be absent. */
      readonly ifVersion: number
      readonly answer?: Done | Conflict
    }
  | { readonly kind: 'delete'; readonly answer?: Done | Absent }
  | { readonly kind: 'get'; readonly answer: Found | Absent }

export interface Done {
  readonly kind: 'done'
  readonly version: number
}
export interface Conflict {
  readonly kind: 'conflict'
  /** 0: it is absent. */
  readonly version: number
}
export interface Absent {
  readonly kind: 'absent'
}
export interface Found {
  readonly kind: 'found'
  readonly version: number
  readonly value: string
}

export interface KvState {
  /** Undefined: there is no such key. */
  readonly value: string | undefined
  /** Of an absent key the highest one that it ever had. */
  readonly version: number
  /** False: the version is this one or a higher one; nobody has seen it yet. */
  readonly exact: boolean
}

/**
 * - `own`: no other key of the group is ever deleted, so each version is one above the one before it.
 * - `shared`: others may be, and a key that comes anew may begin at any version above its last one.
 */
export function kvModel(versions: 'own' | 'shared'): Model<KvState, KvAction> {
  return {
    initial: { value: undefined, version: 0, exact: true },
    step: (state, action) => step(state, action, versions === 'own'),
    key: ({ value, version, exact }) => `${version}${exact ? '=' : '+'}${value === undefined ? '-' : `:${value}`}`,
  }
}

function step(state: KvState, action: KvAction, own: boolean): KvState | undefined {
  switch (action.kind) {
    case 'put':
      return write(state, action.value, action.answer?.version, own)
    case 'compare-and-set':
      return compareAndSet(state, action, own)
    case 'delete':
      return remove(state, action.answer)
    case 'get':
      return get(state, action.answer)
  }
}

function write(state: KvState, value: string, answered: number | undefined, own: boolean): KvState | undefined {
  const lowest = state.version + 1
  const exact = state.value === undefined ? own : state.exact
  if (answered === undefined) return { value, version: lowest, exact }
  const fits = exact ? answered === lowest : answered >= lowest
  return fits ? { value, version: answered, exact: true } : undefined
}

function compareAndSet(
  state: KvState,
  { value, ifVersion, answer }: KvAction & { kind: 'compare-and-set' },
  own: boolean,
): KvState | undefined {
  if (answer?.kind === 'conflict') {
    return answer.version === ifVersion ? undefined : seenAs(state, answer.version)
  }
  const met = seenAs(state, ifVersion)
  return met === undefined ? undefined : write(met, value, answer?.version, own)
}

function remove(state: KvState, answer: Done | Absent | undefined): KvState | undefined {
  if (answer?.kind === 'absent') return seenAs(state, 0)
  if (state.value === undefined) return undefined
  const met = answer === undefined ? state : seenAs(state, answer.version)
  return met && { value: undefined, version: met.version, exact: true }
}

function get(state: KvState, answer: Found | Absent): KvState | undefined {
  if (answer.kind === 'absent') return seenAs(state, 0)
  return state.value === answer.value ? seenAs(state, answer.version) : undefined
}

/** The state, if somebody may have seen it with this version; 0: absent. */
function seenAs(state: KvState, version: number): KvState | undefined {
  if (version === 0) return state.value === undefined ? state : undefined
  if (state.value === undefined) return undefined
  const fits = state.exact ? state.version === version : version >= state.version
  return fits ? { value: state.value, version, exact: true } : undefined
}
