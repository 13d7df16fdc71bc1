import { expect, test } from '@jest/globals'
import { Coverage, MESSAGE_FAULTS, MESSAGE_KINDS, NODE_FAULTS, STATE_EVENTS } from './coverage.js'

function filled(): Coverage {
  const coverage = new Coverage()
  for (let i = 0; i < 100; i++) {
    for (const kind of MESSAGE_KINDS) for (const fault of MESSAGE_FAULTS) coverage.hit(kind, fault)
    for (const fault of [...NODE_FAULTS, ...STATE_EVENTS]) coverage.hitNode(fault)
  }
  return coverage
}

test('a hundred of each is enough', () => {
  expect(filled().missing()).toEqual([])
  expect(filled().lines().join('\n')).not.toContain('!')
})

test('what was met too rarely is named, in the table too', () => {
  const coverage = new Coverage()
  for (let i = 0; i < 99; i++) coverage.hit('redirect', 'duplicated')
  const kinds = MESSAGE_KINDS.length * MESSAGE_FAULTS.length
  expect(coverage.missing()).toHaveLength(kinds + NODE_FAULTS.length + STATE_EVENTS.length)
  expect(coverage.missing()).toContain('redirect duplicated: 99')
  expect(coverage.lines().find((line) => line.startsWith('redirect'))).toContain('99!')
})

test('many runs add up', () => {
  const [total, one] = [new Coverage(), new Coverage()]
  for (let i = 0; i < 50; i++) {
    one.hit('nack', 'lost')
    one.hitNode('disk lost')
  }
  total.add(one)
  total.add(one)
  expect(total.missing().filter((line) => /^(nack lost|disk lost):/.test(line))).toEqual([])
})
