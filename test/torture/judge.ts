import { check, type Verdict } from '../linearizability/check.js'
import { type KvAction, type KvState, kvModel } from '../linearizability/kv-model.js'
import type { KeyHistory } from './key-history.js'

/** Steps for one key; a history of some hundred operations takes a few thousand. */
const MAX_STEPS = 5_000_000

/** Holds histories against the model, and those that have grown again. */
export class Judge {
  /** Keys for which the search was given up. */
  undecided = 0
  readonly #checked = new Map<KeyHistory, number>()
  readonly #guilty = new Set<KeyHistory>()
  readonly #onViolation: (history: KeyHistory, text: string) => void

  constructor(onViolation: (history: KeyHistory, text: string) => void) {
    this.#onViolation = onViolation
  }

  /** Operations in histories that were decided. */
  get checked(): number {
    return [...this.#checked.values()].reduce((sum, count) => sum + count, 0)
  }

  /** At a moment when no call is open. */
  look(histories: readonly KeyHistory[]): void {
    for (const history of histories) {
      const { operations, versions } = history
      if (operations.length === this.#checked.get(history) || this.#guilty.has(history)) continue
      const verdict = check(kvModel(versions), operations, MAX_STEPS)
      if (verdict.outcome === 'undecided') this.undecided++
      else this.#checked.set(history, operations.length)
      if (verdict.outcome !== 'violation') continue
      this.#guilty.add(history)
      this.#onViolation(history, describe(history, verdict))
    }
  }
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
