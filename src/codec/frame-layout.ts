/**
 *   byte 0   u8    protocol version
 *   byte 1   u8    type
 *   byte 2   u16   0
 *   byte 4   u32   crc32 of what follows, continued from bytes 0..3 as a little-endian word
 *   byte 8   entries of a protocol frame, or the cbor payload of a control frame
 *
 * An entry: u32 length of the message, u16 group, u16 0, the message.
 */
export const FRAME_HEADER_BYTES = 8
export const FRAME_ENTRY_BYTES = 8

export const FRAME_TYPE = { protocol: 1, control: 2 } as const

/** What this program speaks: two nodes use the highest version that both do. */
export const PROTOCOL_VERSIONS = { min: 1, max: 1 } as const
