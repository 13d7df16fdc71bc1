import { Random } from '../../src/base/random.js'
import type { Operation } from './history.js'
import type { KvAction } from './kv-model.js'

export interface HistoryOptions {
  readonly seed: number
  readonly operations: number
  readonly versions: 'own' | 'shared'
  /** About how many operations overlap. */
  readonly overlap: number
  /** A share of the operations that ends unknown; half of them took effect. */
  readonly unknown: number
}

const VALUES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** A sequential run, each operation of which is then stretched around the moment it took effect: linearizable by making. */
export function randomHistory(options: HistoryOptions): Operation<KvAction>[] {
  const { seed, operations, versions, overlap, unknown } = options
  const random = new Random(seed)
  let value: string | undefined
  let version = 0
  const write = (next: string): number => {
    version += value === undefined && versions === 'shared' ? 1 + random.below(3) : 1
    value = next
    return version
  }
  const act = (at: number): KvAction => {
    const next = operations > VALUES.length ? `v${at}` : VALUES[at]!
    const present = value === undefined ? 0 : version
    switch (random.below(4)) {
      case 0:
        return { kind: 'put', value: next, answer: { kind: 'done', version: write(next) } }
      case 1: {
        const ifVersion = random.chance(0.7) ? present : random.below(version + 2)
        const action = { kind: 'compare-and-set', value: next, ifVersion } as const
        if (ifVersion !== present) return { ...action, answer: { kind: 'conflict', version: present } }
        return { ...action, answer: { kind: 'done', version: write(next) } }
      }
      case 2: {
        if (random.chance(0.5)) break
        if (value === undefined) return { kind: 'delete', answer: { kind: 'absent' } }
        value = undefined
        return { kind: 'delete', answer: { kind: 'done', version } }
      }
    }
    const answer = value === undefined ? ({ kind: 'absent' } as const) : ({ kind: 'found', version, value } as const)
    return { kind: 'get', answer }
  }
  return Array.from({ length: operations }, (_, at): Operation<KvAction> => {
    const call = at - random.between(0, overlap)
    if (random.chance(unknown)) {
      const happened = random.chance(0.5)
      const saved = [value, version] as const
      const action = act(at)
      if (!happened) [value, version] = saved
      if (action.kind !== 'get') return { call, end: Number.POSITIVE_INFINITY, action: withoutAnswer(action) }
      if (happened) return { call, end: at + random.between(0, overlap), action }
    }
    return { call, end: at + random.between(0, overlap), action: act(at) }
  })
}

function withoutAnswer(action: KvAction & { readonly answer?: unknown }): KvAction {
  const { answer: _, ...asked } = action
  return asked as KvAction
}

/** One answer is another one; nothing if none of the operations has any that could be. */
export function withOneWrongAnswer(history: readonly Operation<KvAction>[], seed: number): Operation<KvAction>[] {
  const random = new Random(seed)
  const victim = random.below(history.length)
  const other = 1 + random.below(3)
  const value = VALUES[random.below(VALUES.length)]!
  return history.map((operation, index) => {
    const { action } = operation
    if (index !== victim || action.answer === undefined) return operation
    const { answer } = action
    if (answer.kind === 'absent') {
      const found = { kind: 'found', version: other, value } as const
      return { ...operation, action: action.kind === 'get' ? { ...action, answer: found } : withoutAnswer(action) }
    }
    if (answer.kind === 'found' && random.chance(0.5)) {
      return { ...operation, action: { ...action, answer: { ...answer, value } } as KvAction }
    }
    const version = Math.max(answer.kind === 'conflict' ? 0 : 1, answer.version + (random.chance(0.5) ? other : -other))
    return { ...operation, action: { ...action, answer: { ...answer, version } } as KvAction }
  })
}
