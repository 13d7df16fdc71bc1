import { beforeEach, describe, expect, test } from '@jest/globals'
import { Supervisor, type Verdict } from '../../src/host/supervisor.js'
import type { WorkerSlot } from '../../src/host/worker-slot.js'
import { allocateGate, GatePhase, SupervisorGate, UserCode, WorkerGate } from '../../src/ring/gate-word.js'

const bounds = { userCodeMs: 400, diskStallMs: 800, startMs: 2_000 }

class Scene {
  now = 0
  readonly memory = allocateGate()
  readonly gate = new WorkerGate(this.memory)
  readonly slot = {
    isReady: true,
    port: { end: { gate: new SupervisorGate(this.memory) } },
  } as unknown as WorkerSlot & { isReady: boolean }
  readonly verdicts: Verdict[] = []
  readonly late: number[] = []
  readonly supervisor = new Supervisor(
    bounds,
    (_, verdict) => this.verdicts.push(verdict),
    (ms) => this.late.push(ms),
  )

  /** Ticks as the interval would, `each` in between. */
  pass(ms: number, each: () => void = () => undefined): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now += this.supervisor.intervalMs
      each()
      this.supervisor.tick([this.slot], this.now)
    }
  }
}

describe('the supervisor', () => {
  let scene: Scene
  beforeEach(() => {
    scene = new Scene()
    scene.pass(200)
  })

  test('a parked worker may sleep for ever', () => {
    scene.gate.enter(GatePhase.parked)
    scene.pass(100_000)
    expect(scene.verdicts).toEqual([])
  })

  test('user code that does not move is condemned in time, and named', () => {
    scene.gate.enter(GatePhase.user, 7, UserCode.execute)
    scene.pass(300)
    expect(scene.verdicts).toEqual([])
    scene.pass(300)
    expect(scene.verdicts).toEqual([{ kind: 'condemned', what: 'its state machine is stuck in execute', group: 7 }])
    expect(scene.gate.isCondemned()).toBe(true)
    scene.pass(2_000)
    expect(scene.verdicts).toHaveLength(1)
  })

  test('a long round that shows progress is left alone', () => {
    scene.gate.enter(GatePhase.round)
    scene.pass(5_000, () => scene.gate.progress())
    expect(scene.verdicts).toEqual([])
  })

  test('a commit is never condemned: it stalls, and recovers', () => {
    scene.gate.enter(GatePhase.round)
    expect(scene.gate.tryBeginCommit()).toBe(true)
    scene.pass(700)
    expect(scene.verdicts).toEqual([])
    scene.pass(10_000)
    expect(scene.verdicts).toEqual([{ kind: 'stalled' }])
    expect(scene.supervisor.isStalled(scene.slot)).toBe(true)
    scene.gate.endCommit()
    scene.gate.enter(GatePhase.parked)
    scene.pass(200)
    expect(scene.verdicts.map(({ kind }) => kind)).toEqual(['stalled', 'recovered'])
    expect(scene.gate.isCondemned()).toBe(false)
  })

  test('a pause of the whole process is nobody’s fault', () => {
    scene.gate.enter(GatePhase.user, 0, UserCode.query)
    scene.pass(200)
    // SIGSTOP for a minute: the first look after it must not count the minute.
    scene.now += 60_000
    scene.supervisor.tick([scene.slot], scene.now)
    scene.pass(200)
    expect(scene.verdicts).toEqual([])
    expect(scene.late).toHaveLength(1)
    expect(scene.late[0]).toBeGreaterThan(59_000)
    scene.pass(400)
    expect(scene.verdicts).toHaveLength(1)
  })

  test('a worker that never reports is condemned, though it sleeps', () => {
    scene.slot.isReady = false
    const fresh = new Scene()
    fresh.slot.isReady = false
    fresh.pass(1_900)
    expect(fresh.verdicts).toEqual([])
    fresh.pass(600)
    expect(fresh.verdicts).toEqual([{ kind: 'condemned', what: 'it did not start', group: expect.any(Number) }])
  })

  test('a slow start that moves is left alone', () => {
    const fresh = new Scene()
    fresh.slot.isReady = false
    fresh.gate.enter(GatePhase.round)
    fresh.pass(20_000, () => fresh.gate.progress())
    expect(fresh.verdicts).toEqual([])
  })
})
