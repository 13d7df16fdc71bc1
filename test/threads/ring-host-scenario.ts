import { Random } from '../../src/base/random.js'
import { hung, spaceOrHung, spin } from './ring-patience.js'
import type { RingModules, ScenarioData, ScenarioResult } from './ring-scenarios.js'

/**
 * A host that never blocks, and a worker that answers: the way of the real data. In every other stretch of records only
 * few are answered: there the freed space itself must wake the host.
 */
function isAnswered(record: number, count: number): boolean {
  return (record & 0x400) === 0 || (record & 63) === 63 || record === count - 1
}

function hangAlarm(progress: () => number, hangMs: number): { hung: Promise<never>; stop: () => void } {
  let last = -1
  let timer: NodeJS.Timeout | undefined
  // The interval also keeps the thread alive: a pending Atomics.waitAsync does not.
  const hung = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (progress() === last) reject(new Error(`lost wake-up: the host waits at record ${last}`))
      last = progress()
    }, hangMs)
  })
  return { hung, stop: () => clearInterval(timer) }
}

export async function hostScenario(m: RingModules, data: ScenarioData): Promise<ScenarioResult> {
  const bell = new m.Doorbell(data.bells[0])
  const inbox = new m.RingProducer(data.rings[0], new m.Doorbell(data.bells[1]))
  const outbox = new m.RingConsumer(data.rings[1])
  const pace = new Random(data.seed)
  let sent = 0
  let received = 0
  let blocked = false
  const result = { waits: 0, blocked: 0, readyAfterAll: 0 }
  const nothingToDo = (): boolean =>
    received < data.count && outbox.isEmpty() && (sent === data.count || inbox.awaitsSpace())
  const alarm = hangAlarm(() => received, data.hangMs)
  try {
    while (received < data.count) {
      while (outbox.next()) {
        const got = outbox.view.getInt32(outbox.offset)
        while (!isAnswered(received, data.count)) received++
        if (got !== received++) throw new Error(`record ${got} instead of ${received - 1}`)
      }
      outbox.release()
      blocked = false
      while (sent < data.count && !blocked) {
        const length = 4 + pace.below(50)
        const at = inbox.tryClaim(1, length)
        blocked = at < 0 && !inbox.requestSpace(length)
        if (at < 0) continue
        inbox.view.setInt32(at, sent++)
        inbox.commit()
        if (pace.chance(0.2)) inbox.publish()
      }
      inbox.publish()
      if (blocked) result.blocked++
      spin(pace.below(1 << pace.below(16)))
      const rung = bell.waitAsync(nothingToDo)
      if (rung === undefined) result.readyAfterAll++
      else {
        result.waits++
        await Promise.race([rung, alarm.hung])
      }
    }
  } finally {
    alarm.stop()
  }
  return result
}

export function echoScenario(m: RingModules, data: ScenarioData): ScenarioResult {
  const hostBell = new m.Doorbell(data.bells[0])
  const bell = new m.Doorbell(data.bells[1])
  const inbox = new m.RingConsumer(data.rings[0], hostBell)
  const outbox = new m.RingProducer(data.rings[1], hostBell)
  const isEmpty = (): boolean => inbox.isEmpty()
  let parks = 0
  let waits = 0
  for (let i = 0; i < data.count; i++) {
    while (!inbox.next()) {
      inbox.release()
      outbox.publish()
      parks++
      if (bell.park(data.hangMs, isEmpty) === 'timed-out') hung('the worker parked')
    }
    const value = inbox.view.getInt32(inbox.offset)
    if ((i & 15) === 0) inbox.release()
    if (!isAnswered(i, data.count)) continue
    let at = outbox.tryClaim(1, 24)
    while (at < 0) {
      waits++
      spaceOrHung(outbox, 24, data.hangMs)
      at = outbox.tryClaim(1, 24)
    }
    outbox.view.setInt32(at, value)
    outbox.commit()
  }
  outbox.publish()
  inbox.release()
  return { parks, waits }
}
