import { describe, expect, test } from '@jest/globals'
import { allocateDoorbell, Doorbell } from '../../src/ring/doorbell.js'
import { GatePhase } from '../../src/ring/gate-word.js'
import { allocateWorkerMemory, dueIndex, openHostEnd, openWorkerEnd } from '../../src/ring/worker-memory.js'

function setup() {
  const hostBell = allocateDoorbell()
  const memory = allocateWorkerMemory({
    controlBytes: 1024,
    commandBytes: 4096,
    outboxBytes: 2048,
    groups: 3,
    timersPerGroup: 5,
    counterNames: ['rounds'],
    hostBell,
  })
  return { memory, host: openHostEnd(structuredClone(memory)), worker: openWorkerEnd(memory), hostBell }
}

describe('worker memory', () => {
  test('each end reads what the other writes, also through a structured clone', () => {
    const { host, worker } = setup()
    for (const [producer, consumer] of [
      [host.control, worker.control],
      [host.command, worker.command],
      [worker.outbox, host.outbox],
    ] as const) {
      const at = producer.tryClaim(producer.capacity, 1)
      producer.bytes[at] = 77
      producer.commit()
      producer.publish()
      expect(consumer.next()).toBe(true)
      expect([consumer.kind, consumer.bytes[consumer.offset]]).toEqual([producer.capacity, 77])
      expect(consumer.next()).toBe(false)
    }
    worker.gate.enter(GatePhase.user, 2)
    expect(host.gate.read()).toMatchObject({ phase: GatePhase.user, group: 2 })
    worker.counters.add(worker.counters.cell.rounds as number, 4)
    expect(host.counters.readAll()).toEqual({ rounds: 4 })
  })

  test('inboxes and due bits ring the worker, the outbox and freed space ring the host', () => {
    const { host, worker, hostBell } = setup()
    const rings = (bell: Doorbell, act: () => void): boolean => {
      const outcome = bell.park(0, () => {
        act()
        return true
      })
      return outcome === 'woken'
    }
    const send = (producer: typeof host.control): void => {
      producer.tryClaim(1, 0)
      producer.commit()
      producer.publish()
    }
    const hostSleeper = new Doorbell(hostBell)
    expect(rings(worker.bell, () => {})).toBe(false)
    expect(rings(worker.bell, () => send(host.control))).toBe(true)
    expect(rings(worker.bell, () => send(host.command))).toBe(true)
    expect(rings(worker.bell, () => host.due.set(14))).toBe(true)
    expect(rings(worker.bell, () => send(worker.outbox))).toBe(false)
    expect(rings(hostSleeper, () => send(worker.outbox))).toBe(true)
    while (host.control.tryClaim(1, 120) >= 0) host.control.commit()
    expect(host.control.requestSpace(120)).toBe(false)
    const free = (): void => {
      while (worker.control.next()) {}
      worker.control.release()
    }
    expect(rings(hostSleeper, free)).toBe(true)
  })

  test('due bits of groups do not overlap', () => {
    const { memory } = setup()
    const all = new Set<number>()
    for (let group = 0; group < 3; group++)
      for (let timer = 0; timer < 5; timer++) all.add(dueIndex(memory, group, timer))
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i))
    expect(() => dueIndex(memory, 3, 0)).toThrow(RangeError)
    expect(() => dueIndex(memory, 0, 5)).toThrow(RangeError)
  })
})
