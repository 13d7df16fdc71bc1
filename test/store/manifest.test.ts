import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { crc32 } from '../../src/codec/crc32.js'
import { groupsOfStore, logPath, manifestPath, statePath } from '../../src/store/data-layout.js'
import { checkManifest, type Manifest, readManifest, writeManifest } from '../../src/store/manifest.js'

let dataDir: string
beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'manifest-')), 'data')
})
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }))

const newborn: Manifest = { nodeId: 1, voterId: '00000000000000aa', stores: 2 }
const born: Manifest = {
  ...newborn,
  genesis: {
    clusterId: 'ffffffffffffffff',
    groupCount: 6,
    routingGroups: 6,
    voters: [1, 2, 3].map((nodeId) => ({ nodeId, voterId: `00000000000000a${nodeId}` })),
  },
}
const code = (code: string) => expect.objectContaining({ code, path: manifestPath(dataDir) })

test('a new directory has none; what is written is read back, and replaced', () => {
  expect(readManifest(dataDir)).toBeUndefined()
  writeManifest(dataDir, newborn)
  expect(readManifest(dataDir)).toEqual(newborn)
  writeManifest(dataDir, born)
  expect(readManifest(dataDir)).toEqual(born)
  expect(existsSync(`${manifestPath(dataDir)}.new`)).toBe(false)
})

test('stores without a manifest are not a new directory', () => {
  mkdirSync(logPath(dataDir, 7), { recursive: true })
  expect(() => readManifest(dataDir)).toThrow(code('MANIFEST_DAMAGED'))
  expect(() => readManifest(dataDir)).toThrow(/store-0007 is there/)
})

test('a half-written replacement beside it does not matter', () => {
  writeManifest(dataDir, born)
  writeFileSync(`${manifestPath(dataDir)}.new`, '{"format":')
  expect(readManifest(dataDir)).toEqual(born)
})

test('every changed digit is noticed, and every cut', () => {
  writeManifest(dataDir, born)
  const path = manifestPath(dataDir)
  const text = readFileSync(path, 'utf8')
  for (let i = 0; i < text.length; i++) {
    if (!/[0-9a-f]/.test(text[i] ?? '')) continue
    writeFileSync(path, text.slice(0, i) + (text[i] === '1' ? '2' : '1') + text.slice(i + 1))
    expect(() => readManifest(dataDir)).toThrow(code('MANIFEST_DAMAGED'))
  }
  for (const end of [0, 1, 40, text.length - 3]) {
    writeFileSync(path, text.slice(0, end))
    expect(() => readManifest(dataDir)).toThrow(code('MANIFEST_DAMAGED'))
  }
})

test('a newer format is refused with a sentence, whatever else it holds', () => {
  writeManifest(dataDir, born)
  const body = { format: 2, nodeId: 'n1', shards: [1, 2] }
  const sum = crc32(Buffer.from(JSON.stringify(body)))
    .toString(16)
    .padStart(8, '0')
  writeFileSync(manifestPath(dataDir), JSON.stringify({ ...body, crc32: sum }))
  expect(() => readManifest(dataDir)).toThrow(code('FORMAT_UNKNOWN'))
  expect(() => readManifest(dataDir)).toThrow(/has format 2, this program knows 1\. Run the newer version/)
})

test('fields out of their range are damage, also under a right checksum', () => {
  for (const wrong of [
    { nodeId: 0 },
    { voterId: 'xyz' },
    { stores: 1.5 },
    { genesis: { ...born.genesis, voters: [] } },
  ]) {
    writeManifest(dataDir, { ...born, ...wrong } as Manifest)
    expect(() => readManifest(dataDir)).toThrow(code('MANIFEST_DAMAGED'))
  }
})

test('another node, another number of groups or of stores is refused', () => {
  expect(() => checkManifest(born, dataDir, { nodeId: 2 })).toThrow(code('STORE_FOREIGN'))
  expect(() => checkManifest(born, dataDir, { nodeId: 1, groupCount: 4 })).toThrow(code('LAYOUT_CHANGED'))
  expect(() => checkManifest(born, dataDir, { nodeId: 1, stores: 3 })).toThrow(code('LAYOUT_CHANGED'))
  checkManifest(born, dataDir, { nodeId: 1, groupCount: 6, stores: 2 })
  checkManifest(newborn, dataDir, { nodeId: 1, groupCount: 4 })
})

test('paths and the groups of a store', () => {
  expect(logPath('data', 7)).toBe(join('data', 'store-0007', 'log'))
  expect(statePath('data', 12345)).toBe(join('data', 'store-12345', 'state'))
  expect([0, 1, 2].map((store) => groupsOfStore(store, 3, 7))).toEqual([
    [0, 3, 6],
    [1, 4],
    [2, 5],
  ])
})
