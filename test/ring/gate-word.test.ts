import { describe, expect, test } from '@jest/globals'
import { allocateGate, GatePhase, NO_GROUP, SupervisorGate, UserCode, WorkerGate } from '../../src/ring/gate-word.js'

function gate() {
  const memory = allocateGate()
  return { memory, worker: new WorkerGate(memory), supervisor: new SupervisorGate(memory) }
}

describe('gate word', () => {
  test('shows phase, group and user code, and counts every change', () => {
    const { worker, supervisor } = gate()
    expect(supervisor.read().phase).toBe(GatePhase.parked)
    worker.enter(GatePhase.round)
    const round = supervisor.read()
    expect(round).toMatchObject({ phase: GatePhase.round, group: NO_GROUP, user: UserCode.none })
    worker.enter(GatePhase.user, 3, UserCode.query)
    expect(supervisor.read()).toEqual({
      phase: GatePhase.user,
      group: 3,
      user: UserCode.query,
      changes: round.changes + 1,
    })
    worker.progress()
    expect(supervisor.read()).toMatchObject({ phase: GatePhase.user, changes: round.changes + 2 })
  })

  test('a commit keeps the supervisor out and returns to the phase before', () => {
    const { worker, supervisor } = gate()
    for (const phase of [GatePhase.round, GatePhase.user]) {
      worker.enter(phase)
      expect(worker.tryBeginCommit()).toBe(true)
      expect(supervisor.read().phase).toBe(GatePhase.commit)
      expect(supervisor.tryCondemn()).toBe(false)
      expect(supervisor.read().phase).toBe(GatePhase.commit)
      worker.endCommit()
      expect(supervisor.read().phase).toBe(phase)
    }
  })

  test.each([GatePhase.parked, GatePhase.round, GatePhase.user])('condemned in phase %d, nothing goes on', (phase) => {
    const { worker, supervisor } = gate()
    worker.enter(phase)
    expect(supervisor.tryCondemn()).toBe(true)
    expect(supervisor.tryCondemn()).toBe(true)
    expect(worker.isCondemned()).toBe(true)
    expect(worker.tryBeginCommit()).toBe(false)
    expect(() => worker.enter(GatePhase.round)).toThrow(/condemned/)
    expect(() => worker.progress()).toThrow(/condemned/)
    expect(() => worker.endCommit()).toThrow()
    expect(supervisor.read().phase).toBe(GatePhase.condemned)
  })

  test('a judgement that is out of date condemns nobody', () => {
    const { worker, supervisor } = gate()
    worker.enter(GatePhase.user, 1, UserCode.execute)
    const judged = supervisor.read()
    worker.enter(GatePhase.round)
    worker.enter(GatePhase.user, 1, UserCode.execute)
    expect(supervisor.tryCondemn(judged)).toBe(false)
    expect(worker.tryBeginCommit()).toBe(true)
    worker.endCommit()
    expect(supervisor.tryCondemn(supervisor.read())).toBe(true)
  })

  test('the count of changes wraps without touching the phase', () => {
    const { memory, supervisor } = gate()
    new Int32Array(memory)[0] = -8 | GatePhase.round
    const worker = new WorkerGate(memory)
    expect(supervisor.read().changes).toBe(2 ** 29 - 1)
    worker.enter(GatePhase.user)
    expect(supervisor.read()).toMatchObject({ phase: GatePhase.user, changes: 0 })
    expect(worker.tryBeginCommit()).toBe(true)
  })

  test('commits do not nest and phases of the gate itself cannot be entered', () => {
    const { worker } = gate()
    expect(() => worker.endCommit()).toThrow()
    expect(() => worker.enter(GatePhase.commit)).toThrow()
    expect(() => worker.enter(GatePhase.condemned)).toThrow()
    worker.tryBeginCommit()
    expect(() => worker.tryBeginCommit()).toThrow()
  })
})
