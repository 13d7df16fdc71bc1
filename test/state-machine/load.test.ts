import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadStateMachines } from '../../src/state-machine/load.js'

let folder: string
let files = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'machines-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function moduleOf(source: string): string {
  const path = join(folder, `machine-${++files}.mjs`)
  writeFileSync(path, source)
  return pathToFileURL(path).href
}

const machine = (fields: string) =>
  moduleOf(`export default { id: 1, create() { return {} }, execute() {}, ${fields} }`)

const stored = (fields: string) => moduleOf(`export default { kind: 'stored', id: 1, execute() {}, ${fields} }`)
const external = (fields: string) =>
  moduleOf(
    `export default { kind: 'external', id: 1, open() {}, position() {}, execute() {}, save() {}, restore() {}, ${fields} }`,
  )

const invalid = (why: string) =>
  expect.objectContaining({ code: 'STATE_MACHINE_INVALID', message: expect.stringContaining(why) })

test('machines are loaded in the order of their modules', async () => {
  const machines = await loadStateMachines([machine('id: 7'), machine('id: 3, codec: "bytes"')])
  expect(machines.map(({ id }) => id)).toEqual([7, 3])
})

test('machines of all kinds are loaded', async () => {
  const urls = [
    machine('id: 1'),
    machine('id: 2, kind: "memory"'),
    stored('id: 3, keys: "ordered", values: "bytes"'),
    external('id: 4, sync() {}, close() {}'),
  ]
  const machines = await loadStateMachines(urls)
  expect(machines.map(({ kind }) => kind)).toEqual([undefined, 'memory', 'stored', 'external'])
})

test.each([
  ['is not there', () => 'file:///nowhere/at-all.mjs', 'cannot be loaded'],
  ['throws', () => moduleOf('throw new Error("while loading")'), 'cannot be loaded: while loading'],
  ['has no default export', () => moduleOf('export const x = 1'), 'no default export'],
  ['has an id of 0', () => machine('id: 0'), 'from 1 to 65279, got 0'],
  ['has no whole id', () => machine('id: 1.5'), 'got 1.5'],
  ['has a built-in id', () => machine('id: 65280'), 'reserved for built-in machines'],
  ['has no execute', () => machine('execute: undefined'), 'no function execute'],
  ['has a query that is none', () => machine('query: 3'), 'query is not a function'],
  ['is asynchronous', () => machine('async execute() {}'), 'its execute is asynchronous'],
  ['has an unknown codec', () => machine('codec: "json"'), 'its codec must be'],
  [
    'is of an unknown kind',
    () => machine('kind: "disk"'),
    "its kind must be 'memory', 'stored' or 'external', got disk",
  ],
  [
    'has keys of an unknown kind',
    () => stored('keys: "json"'),
    "its keys must be 'text', 'bytes' or 'ordered', got json",
  ],
  ['has values of an unknown kind', () => stored('values: 1'), "its values must be 'cbor' or 'bytes', got 1"],
  ['is stored and makes a state', () => stored('create() {}'), 'state begins empty: it has no create'],
  ['is stored and asynchronous', () => stored('async query() {}'), 'its query is asynchronous'],
  ['cannot tell its position', () => external('position: undefined'), 'no function position'],
  ['is external and cannot be saved', () => external('save: 1'), 'no function save'],
  ['syncs asynchronously', () => external('async sync() {}'), 'its sync is asynchronous'],
  ['closes with a generator', () => external('async *close() {}'), 'its close is asynchronous'],
  ['closes with nothing', () => external('close: 1'), 'its close is not a function'],
  ['has half a codec', () => machine('codec: { encode() {} }'), 'its codec must be'],
])('a module that %s is refused, and the error says why', async (_, url, why) => {
  await expect(loadStateMachines([url()])).rejects.toEqual(invalid(why))
})

test('two machines may not have the same id', async () => {
  const [first, second] = [machine('id: 4'), machine('id: 4')]
  await expect(loadStateMachines([first, second])).rejects.toEqual(invalid(`its id 4 is taken by ${first}`))
})
