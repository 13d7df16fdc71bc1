import { check, type Verdict } from '../linearizability/check.js'
import { type KvAction, type KvState, kvModel } from '../linearizability/kv-model.js'
import type { KeyHistory } from './key-history.js'

/** Steps for one key; a history of some hundred operations takes a few thousand. */
const MAX_STEPS = 5_000_000

export interface Judgement {
  readonly checked: number
  readonly undecided: number
  readonly violations: readonly { readonly history: KeyHistory; readonly text: string }[]
}

export function judgeHistories(histories: readonly KeyHistory[]): Judgement {
  const violations: { history: KeyHistory; text: string }[] = []
  let checked = 0
  let undecided = 0
  for (const history of histories) {
    const verdict = check(kvModel(history.versions), history.operations, MAX_STEPS)
    if (verdict.outcome === 'undecided') undecided++
    else checked += history.operations.length
    if (verdict.outcome === 'violation') violations.push({ history, text: describe(history, verdict) })
  }
  return { checked, undecided, violations }
}

const SHOWN = 6

function describe({ key, group, operations }: KeyHistory, { deepest }: Verdict<KvState, KvAction>): string {
  const { order, state, candidates } = deepest!
  const lines = [
    `${key} of group ${group} is not linearizable: ${order.length} of ${operations.length} operations have an order`,
    ...order.slice(-SHOWN).map((operation) => `  done      ${JSON.stringify(operation)}`),
    `  then the state is ${JSON.stringify(state)}, and none of these fits:`,
    ...candidates.map((operation) => `  candidate ${JSON.stringify(operation)}`),
  ]
  return lines.map((line) => (line.length > 300 ? `${line.slice(0, 300)}...` : line)).join('\n')
}
