import type { Model, Operation } from './history.js'
import { HEAD, PendingList } from './pending-list.js'
import { TakenSet } from './taken-set.js'

export interface Verdict<State, Action> {
  /** `undecided`: the search was given up after `maxSteps`. */
  readonly outcome: 'linearizable' | 'violation' | 'undecided'
  /** Applications of the model. */
  readonly steps: number
  /** Of a violation: the longest order that was found, the state behind it, and what could have come next and does not fit. */
  readonly deepest?: {
    readonly order: readonly Operation<Action>[]
    readonly state: State
    readonly candidates: readonly Operation<Action>[]
  }
}

/** The order that the search has come to, from its last operation back. */
interface Step<State> {
  readonly operation: number
  readonly before: State
  readonly previous: Step<State> | undefined
  readonly depth: number
}

const MAX_STEPS = 20_000_000

/**
 * Is there an order of all operations in which each lies between its call and its end, and the model gives each the answer
 * that it got? The search of Wing and Gong with the memory of Lowe: depth first over the operations that may come next, and
 * never twice into one state with the same set of operations done. Operations without an end may be left out.
 */
export function check<State, Action>(
  model: Model<State, Action>,
  operations: readonly Operation<Action>[],
  maxSteps = MAX_STEPS,
): Verdict<State, Action> {
  const list = new PendingList(operations)
  const taken = new TakenSet(operations.length)
  const seen = new Set<string>()
  let open = operations.filter(({ end }) => end !== Number.POSITIVE_INFINITY).length
  let state = model.initial
  let last: Step<State> | undefined
  let deepest: { readonly step: Step<State> | undefined; readonly state: State } = { step: undefined, state }
  let steps = 0

  let event = list.next(HEAD)
  while (open > 0) {
    if (list.isCall[event] === 1) {
      const operation = list.operationOf[event]!
      if (++steps > maxSteps) return { outcome: 'undecided', steps }
      const after = model.step(state, operations[operation]!.action)
      if (after !== undefined && enter(operation, after)) {
        last = { operation, before: state, previous: last, depth: (last?.depth ?? 0) + 1 }
        state = after
        if (last.depth > (deepest.step?.depth ?? 0)) deepest = { step: last, state }
        list.lift(operation)
        if (operations[operation]!.end !== Number.POSITIVE_INFINITY) open--
        event = list.next(HEAD)
      } else {
        event = list.next(event)
      }
      continue
    }
    // An end: its operation would have had to come before, and everything that may come before it was tried.
    if (last === undefined) {
      return { outcome: 'violation', steps, deepest: explained(operations, deepest.step, deepest.state) }
    }
    const { operation, before, previous } = last
    last = previous
    state = before
    taken.remove(operation)
    list.putBack(operation)
    if (operations[operation]!.end !== Number.POSITIVE_INFINITY) open++
    event = list.next(list.callOf(operation))
  }
  return { outcome: 'linearizable', steps }

  /** False if the search has been here before. */
  function enter(operation: number, after: State): boolean {
    taken.add(operation)
    const key = `${taken.key()} ${model.key(after)}`
    if (!seen.has(key)) {
      seen.add(key)
      return true
    }
    taken.remove(operation)
    return false
  }
}

function explained<State, Action>(
  operations: readonly Operation<Action>[],
  last: Step<State> | undefined,
  state: State,
) {
  const order: Operation<Action>[] = []
  const done = new Set<number>()
  for (let step = last; step !== undefined; step = step.previous) {
    order.unshift(operations[step.operation]!)
    done.add(step.operation)
  }
  const rest = operations.filter((_, index) => !done.has(index))
  const firstEnd = Math.min(...rest.map(({ end }) => end))
  return { order, state, candidates: rest.filter(({ call }) => call <= firstEnd) }
}
