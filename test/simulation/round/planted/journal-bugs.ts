import type { PlantedRoundBug } from './bugs.js'

const JOURNAL = 'store/journal.js'
const CONTENT = 'store/journal-content.js'
const ENTRY = 'store/journal-entry.js'
const ENVIRONMENT = 'store/journaled-environment.js'

/** Faults of the journal before LMDB. */
export const PLANTED_JOURNAL_BUGS: readonly PlantedRoundBug[] = [
  {
    name: 'a journal that begins again before LMDB has it',
    seed: 1,
    edits: [
      {
        file: JOURNAL,
        find: 'return (isRelaxed || bytes <= MAX_ENTRY_BYTES) && this.#at + bytes <= this.#file.length;',
        put: `if (this.#at + bytes > this.#file.length) this.#at = JOURNAL_BLOCK_BYTES;
          return bytes <= MAX_ENTRY_BYTES && this.#at + bytes <= this.#file.length;`,
      },
    ],
  },
  {
    name: 'a journal taken for absorbed that was not',
    seed: 1,
    edits: [
      {
        file: ENVIRONMENT,
        find: 'for (const { key, value } of overlay.puts()) this.#env.put(key, value); if',
        put: 'if',
      },
    ],
  },
  {
    name: 'a journal absorbed twice',
    seed: 1,
    edits: [
      {
        file: ENVIRONMENT,
        find: 'if (absorbed !== this.#recorded || isRelaxed !== this.#isRelaxed) {',
        put: 'if (false) {',
      },
    ],
  },
  {
    name: 'a torn entry taken as whole',
    seed: 145,
    edits: [
      {
        file: ENTRY,
        find: 'if (end > bytes.length || crc32(bytes.subarray(at + ENTRY_HEAD_BYTES, end)) !== head.crc)',
        put: 'if (end > bytes.length)',
      },
    ],
  },
  {
    name: 'an acknowledged entry taken for one that was being written',
    seed: 2,
    badDisks: true,
    edits: [{ file: CONTENT, find: 'if (acknowledged >= next)', put: 'if (false)' }],
  },
  {
    name: 'entries behind a damaged one let go',
    seed: 2,
    badDisks: true,
    edits: [
      { file: CONTENT, find: 'if (acknowledged >= next)', put: 'if (false)' },
      { file: CONTENT, find: 'if (later !== undefined && later.sequence > next)', put: 'if (false)' },
    ],
  },
  {
    name: 'an entry marked as acknowledged before it is durable',
    seed: 10,
    edits: [
      {
        file: JOURNAL,
        find: 'else this.#file.write(this.#at, entry);',
        put: `encodeMark(this.#mark, this.number, this.#last + 1);
          this.#file.note(0, this.#mark);
          this.#file.write(this.#at, entry);`,
      },
    ],
  },
  {
    name: 'an answer before the journal',
    seed: 1,
    edits: [{ file: ENVIRONMENT, find: 'if (puts.length > 0) this.#journal.append(puts, this.#isRelaxed);', put: '' }],
  },
  {
    name: 'a reader that does not look into the journal',
    seed: 1,
    edits: [
      {
        file: ENVIRONMENT,
        find: 'const found = this.#isWriting ? undefined : this.#overlay.get(key);',
        put: 'const found = undefined;',
      },
    ],
  },
]
