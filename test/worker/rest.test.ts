import { beforeEach, expect, test } from '@jest/globals'
import { allocateGate, SupervisorGate, WorkerGate } from '../../src/ring/gate-word.js'
import { Rest } from '../../src/worker/rest.js'

let now: number
let rests: number[]
let gate: SupervisorGate
let rest: Rest

beforeEach(() => {
  now = 100
  rests = []
  const memory = allocateGate()
  gate = new SupervisorGate(memory)
  const park = (ms: number) => {
    rests.push(ms)
    now += ms
  }
  rest = new Rest(new WorkerGate(memory), { now: () => now }, park, 2)
})

test('it rests a multiple of the time that was worked since the last rest, once that is some', () => {
  for (const ms of [1, 2, 3, 100, 3, 3]) {
    now += ms
    rest.lookAtOnce()
  }
  expect(rests).toEqual([12, 200, 12])
})

test('small pieces of work are looked at now and then, and show that it goes on', () => {
  const before = gate.read().changes
  for (let k = 0; k < 160; k++) {
    now += 0.1
    rest.look()
  }
  expect(rests.length).toBeGreaterThan(1)
  expect(rests.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(2 * 16 - 2 * 5)
  expect(gate.read().changes).toBeGreaterThan(before)
})

test('a condemned task goes no further', () => {
  expect(gate.tryCondemn()).toBe(true)
  expect(() => rest.lookAtOnce()).toThrow(expect.objectContaining({ code: 'GATE_CONDEMNED' }))
})
