import { expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import type { CommandRun } from '../../src/core/command-run.js'
import { SessionTable, type Verdict } from '../../src/core/sessions.js'
import { textBody } from '../support/core-values.js'

function run(origin: number, session: number, sequence: number, floor = 0): CommandRun {
  return { origin, incarnation: `i${origin}`, session, sequence, count: 1, floor, body: textBody('') }
}

/** A log position by position, with no memory but the whole log: what was opened, what was executed. */
class DumbTwin {
  private readonly log: { readonly run: CommandRun; readonly instance: number; readonly verdict: Verdict }[] = []
  private readonly lifetime: number

  constructor(lifetime: number) {
    this.lifetime = lifetime
  }

  apply(next: CommandRun, instance: number): Verdict {
    const verdict = this.verdict(next, instance)
    this.log.push({ run: next, instance, verdict })
    return verdict
  }

  private verdict(next: CommandRun, instance: number): Verdict {
    const own = this.log.filter(({ run: { origin } }) => origin === next.origin)
    const opened = [...own].reverse().find(({ verdict }) => verdict === 'opened')
    const used = opened ? own.filter((entry) => this.isUse(entry, opened.instance)) : []
    const last = Math.max(opened?.instance ?? 0, ...used.map((entry) => entry.instance))
    const alive = opened !== undefined && last + this.lifetime >= instance
    if (next.session === 0) return alive ? 'duplicate' : 'opened'
    if (!alive || opened.instance !== next.session) return 'expired'
    const floor = Math.max(next.floor, ...used.map((entry) => entry.run.floor))
    const done = used.some(({ run: { sequence }, verdict }) => verdict === 'execute' && sequence === next.sequence)
    return next.sequence < floor || done ? 'duplicate' : 'execute'
  }

  private isUse({ run, verdict }: { readonly run: CommandRun; readonly verdict: Verdict }, opened: number): boolean {
    return run.session === opened && verdict !== 'expired'
  }
}

test('a session opens once, executes once, and refuses what is not its own', () => {
  const table = new SessionTable(100)
  expect(table.apply(run(1, 0, 0), 5)).toBe('opened')
  expect(table.apply(run(1, 0, 0), 6)).toBe('duplicate')
  expect(table.openedBy(1, 'i1')).toBe(5)
  expect(table.apply(run(1, 5, 1), 7)).toBe('execute')
  expect(table.apply(run(1, 5, 1), 8)).toBe('duplicate')
  expect(table.isDone(run(1, 5, 1))).toBe(true)
  expect(table.apply(run(1, 4, 2), 9)).toBe('expired')
  expect(table.apply(run(2, 5, 1), 9)).toBe('expired')
})

test('below the floor nothing is executed any more', () => {
  const table = new SessionTable(100)
  table.apply(run(1, 0, 0), 1)
  expect(table.apply(run(1, 1, 9, 7), 2)).toBe('execute')
  expect(table.apply(run(1, 1, 6), 3)).toBe('duplicate')
  expect(table.apply(run(1, 1, 7), 3)).toBe('execute')
})

test('a session ends after its instances, and a late copy of its opening does not revive its name', () => {
  const table = new SessionTable(10)
  table.apply(run(1, 0, 0), 1)
  expect(table.apply(run(1, 1, 1), 11)).toBe('execute')
  expect(table.apply(run(1, 1, 2), 22)).toBe('expired')
  expect(table.apply(run(1, 0, 0), 23)).toBe('opened')
  expect(table.apply(run(1, 1, 2), 24)).toBe('expired')
  expect(table.apply(run(1, 23, 2), 24)).toBe('execute')
})

test('the table agrees with a dumb twin on random logs', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed)
    const lifetime = 3 + random.below(10)
    const table = new SessionTable(lifetime)
    const twin = new DumbTwin(lifetime)
    const openings = [1]
    for (let instance = 1; instance <= 80; instance += random.below(2) + (random.chance(0.05) ? 8 : 0)) {
      const origin = 1 + random.below(3)
      const session = random.chance(0.2) ? 0 : table.openedBy(origin, `i${origin}`) || (openings.at(-1) as number)
      const next = run(origin, session, random.below(12), session === 0 ? 0 : random.below(6))
      const verdict = table.apply(next, instance)
      if (verdict === 'opened') openings.push(instance)
      expect([seed, instance, verdict]).toEqual([seed, instance, twin.apply(next, instance)])
    }
  }
})

test('a table that was saved and taken over goes on like the one that was not', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed)
    const lifetime = 3 + random.below(10)
    let table = new SessionTable(lifetime)
    const twin = new DumbTwin(lifetime)
    for (let instance = 1; instance <= 80; instance += random.below(2) + (random.chance(0.05) ? 8 : 0)) {
      const origin = 1 + random.below(3)
      const session = random.chance(0.2) ? 0 : table.openedBy(origin, `i${origin}`) || 1
      const next = run(origin, session, random.below(12), session === 0 ? 0 : random.below(6))
      expect([seed, instance, table.apply(next, instance)]).toEqual([seed, instance, twin.apply(next, instance)])
      if (!random.chance(0.2)) continue
      const saved = table.save()
      table = new SessionTable(lifetime, saved)
      expect(table.save()).toEqual(saved)
    }
  }
})

test('what is saved does not change with the table, nor the other way round', () => {
  const table = new SessionTable(100)
  table.apply(run(1, 0, 0), 1)
  table.apply(run(1, 1, 7), 2)
  table.apply(run(1, 1, 3), 2)
  const saved = table.save()
  expect(saved).toEqual([{ origin: 1, incarnation: 'i1', opened: 1, last: 2, floor: 0, done: [3, 7] }])
  table.apply(run(1, 1, 9, 5), 3)
  expect(saved).toMatchObject([{ last: 2, floor: 0, done: [3, 7] }])
  const other = new SessionTable(100, saved)
  other.apply(run(1, 1, 8), 4)
  expect(saved).toMatchObject([{ done: [3, 7] }])
})
