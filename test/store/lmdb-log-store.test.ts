import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { headKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import { type LogStoreHarness, logStoreContract } from './log-store-contract.js'
import { editRaw, flipBit } from './support/raw-environment.js'

const voterId = '0123456789abcdef'

logStoreContract('the LMDB log store', () => {
  const directory = mkdtempSync(join(tmpdir(), 'log-store-'))
  const path = join(directory, 'store-0000', 'log')
  const opened = () => new LmdbLogStore({ path, voterId })
  const key = new Uint8Array(KEY_BYTES)
  const harm = (how: () => void) => {
    harness.store.close()
    how()
    harness.store = opened()
  }
  const harness: LogStoreHarness = {
    store: opened(),
    reopen: () => harm(() => {}),
    damageHead: (group, copies) =>
      harm(() => {
        flipBit(path, headKey(key, group, 0), 200)
        if (copies === 2) flipBit(path, headKey(key, group, 1), 90)
      }),
    damageRecord: (group, instance) => harm(() => flipBit(path, recordKey(key, group, instance), 500)),
    loseRecord: (group, instance) => harm(() => editRaw(path, ({ remove }) => remove(recordKey(key, group, instance)))),
    dispose() {
      harness.store.close()
      rmSync(directory, { recursive: true })
    },
  }
  return harness
})
