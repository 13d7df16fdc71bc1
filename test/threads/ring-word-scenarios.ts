import { Random } from '../../src/base/random.js'
import { hung, spin } from './ring-patience.js'
import type { RingModules, ScenarioData, ScenarioResult } from './ring-scenarios.js'

/** Scenarios on the shared words beside the rings: the gate and the due bits. */

const COMMITTING = 1
const GENERATION = 2
const READY = 3
const FRESH = GENERATION
const ENOUGH = COMMITTING

const DUE_COUNT = 64

function tell(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value)
  Atomics.notify(words, index)
}

/**
 * A new gate each round: the worker begins and ends commits until refused, the supervisor condemns at a random moment.
 * What must never be seen is a commit under way, or begun, after the condemnation.
 */
export function gateScenario(m: RingModules, data: ScenarioData): ScenarioResult {
  const shared = new Int32Array(data.shared)
  const gate = new Int32Array(data.rings[0])
  const pace = new Random(data.seed + data.role)
  let commits = 0
  let refused = 0
  for (let round = 1; round <= data.count; round++) {
    if (data.role === 0) {
      gate.fill(0, 0, 4)
      const worker = new m.WorkerGate(data.rings[0])
      worker.enter(m.GatePhase.round)
      tell(shared, GENERATION, round)
      while (worker.tryBeginCommit()) {
        Atomics.store(shared, COMMITTING, 1)
        commits++
        spin(pace.below(50))
        Atomics.store(shared, COMMITTING, 0)
        worker.endCommit()
        spin(pace.below(50))
      }
      if (Atomics.wait(shared, READY, round - 1, data.hangMs) === 'timed-out') throw new Error('the supervisor is gone')
    } else {
      if (Atomics.wait(shared, GENERATION, round - 1, data.hangMs) === 'timed-out') {
        throw new Error(`round ${round}: the worker goes on after the condemnation`)
      }
      const supervisor = new m.SupervisorGate(data.rings[0])
      spin(pace.below(2000))
      while (!supervisor.tryCondemn()) refused++
      for (let look = 0; look < 50; look++) {
        if (Atomics.load(shared, COMMITTING) !== 0) throw new Error(`round ${round}: a commit after the condemnation`)
      }
      tell(shared, READY, round)
    }
  }
  return { commits, refused }
}

/**
 * The host numbers each setting of a bit before it sets it; whoever takes a bit must then know of every number stored
 * before. After the last setting, each bit's last number must have been taken.
 */
export function dueScenario(m: RingModules, data: ScenarioData): ScenarioResult {
  const numbers = new Int32Array(data.rings[1], 0, DUE_COUNT)
  const shared = new Int32Array(data.shared)
  const pace = new Random(data.seed + data.role)
  const bell = new m.Doorbell(data.bells[0])
  const bits = new m.DueBits(data.rings[0], data.role === 0 ? bell : undefined)
  if (data.role === 0) {
    let fresh = 0
    // Until the taker has had enough: on a busy machine the two may run by turns, and then little happens per setting.
    while (Atomics.load(shared, ENOUGH) === 0) {
      const index = pace.below(DUE_COUNT)
      Atomics.add(numbers, index, 1)
      if (bits.set(index)) fresh++
      if (pace.chance(0.01)) spin(pace.below(5000))
    }
    Atomics.store(shared, FRESH, fresh)
    Atomics.store(shared, READY, 1)
    bell.wake()
    return { fresh }
  }
  const takenUpTo = new Int32Array(DUE_COUNT)
  let taken = 0
  const visit = (index: number): void => {
    taken++
    takenUpTo[index] = Atomics.load(numbers, index)
  }
  for (let last = false; !last; ) {
    last = Atomics.load(shared, READY) === 1
    const before = taken
    bits.take(visit)
    if (taken >= data.count) Atomics.store(shared, ENOUGH, 1)
    if (taken > before || last) continue
    const outcome = bell.park(data.hangMs, () => bits.isEmpty() && Atomics.load(shared, READY) === 0)
    if (outcome === 'timed-out') hung('due bits')
  }
  for (let index = 0; index < DUE_COUNT; index++) {
    if (takenUpTo[index] !== numbers[index]) throw new Error(`due bit ${index}: its last setting was lost`)
  }
  const fresh = Atomics.load(shared, FRESH)
  // A bit is taken once for each time that its setter found it clear.
  if (taken !== fresh) throw new Error(`${fresh} due bits were set, ${taken} taken: some were lost`)
  return { taken }
}
