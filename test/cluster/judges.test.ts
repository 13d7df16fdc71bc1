import { describe, expect, test } from '@jest/globals'
import { compare } from '../../native-bench/agreement.js'
import { flaws } from './disk-view.js'
import { judge } from './verify.js'

describe('what a key must hold', () => {
  const known = { key: 'k', acknowledged: 3, value: 'c', unknownValue: undefined }
  const open = { ...known, unknownValue: 'd' }

  test.each([
    ['exactly what was acknowledged', known, 3, 'c', undefined],
    ['an unknown write that did not take effect', open, 3, 'c', undefined],
    ['an unknown write that did', open, 4, 'd', undefined],
    ['a version missing', known, 2, 'b', 'lost'],
    ['the key missing', known, 0, undefined, 'lost'],
    ['the right version of another value', known, 3, 'b', 'lost'],
    ['a version too many', known, 4, 'c', 'doubled'],
    ['an unknown write twice', open, 5, 'd', 'doubled'],
    ['an acknowledged write twice, and no unknown one', open, 4, 'c', 'doubled'],
  ])('%s', (_, record, version, value, kind) => {
    expect(judge(record, version, value)?.kind).toBe(kind)
  })
})

describe('what nodes must agree on', () => {
  const group = { group: 0, chosenUpTo: 5, executedUpTo: 5, chain: 7, digest: 8, digestAt: 5, executed: 10, sum: 9 }
  const nodes = (change: Partial<typeof group>) => [[group], [group], [{ ...group, ...change }]]

  test('equal nodes agree', () => {
    expect(compare(nodes({}), { acknowledged: 10, unknown: 0 })).toEqual({ agree: true, executed: 10, differences: [] })
  })

  test.each(Object.keys(group).filter((name) => name !== 'group'))('a different %s shows', (name) => {
    const { agree, differences } = compare(nodes({ [name]: 4 }), { acknowledged: 10, unknown: 0 })
    expect(agree).toBe(false)
    expect(differences[0]).toContain(name)
  })

  test('more or fewer commands than the callers know of show', () => {
    expect(compare(nodes({}), { acknowledged: 11, unknown: 0 }).agree).toBe(false)
    expect(compare(nodes({}), { acknowledged: 8, unknown: 1 }).agree).toBe(false)
    expect(compare(nodes({}), { acknowledged: 8, unknown: 2 }).agree).toBe(true)
  })

  test('a read that saw too little shows, and one that saw more than there is', () => {
    const known = { acknowledged: 10, unknown: 0, highestRead: [10], staleReads: [] }
    expect(compare(nodes({}), known).agree).toBe(true)
    expect(compare(nodes({}), { ...known, staleReads: ['too little'] }).differences).toEqual(['too little'])
    expect(compare(nodes({}), { ...known, highestRead: [11] }).differences[0]).toContain('a read saw 11')
  })
})

describe('what a kill may leave on a disk', () => {
  const head = { promised: 5, chosenUpTo: 100, chain: 7, lastAccepted: 103, firstKept: 51 }
  const disk = { group: 0, head, executedUpTo: 90, checkpoints: [70, 50] }

  test.each([
    ['a state behind the log', disk],
    ['no state, and a checkpoint that the log goes on from', { ...disk, executedUpTo: 0, checkpoints: [50] }],
    ['a state just before the log', { ...disk, executedUpTo: 50, checkpoints: [] }],
    ['a new checkpoint, and neither log nor state know of it', { ...disk, executedUpTo: 60, checkpoints: [900] }],
  ])('%s', (_, found) => {
    expect(flaws(found)).toEqual([])
  })

  test.each([
    ['a state ahead of its log', { ...disk, executedUpTo: 101 }, 'its state is at 101'],
    ['records missing behind the state', { ...disk, executedUpTo: 49, checkpoints: [] }, 'its log begins at 51'],
    ['a checkpoint beyond the log only', { ...disk, executedUpTo: 0, checkpoints: [101] }, 'its log begins at 51'],
  ])('not %s', (_, found, flaw) => {
    expect(flaws(found)).toEqual([expect.stringContaining(flaw)])
  })
})
