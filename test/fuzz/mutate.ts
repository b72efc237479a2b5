/** Random numbers from a seed, and inputs made from others. */

export type Random = (below: number) => number;

/** mulberry32: the same numbers for the same seed. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

const MAX_BYTES = 4096;
/** Where decoders have their edges. */
const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

export function mutate(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let changes = 1 + random(4); changes > 0; changes--) bytes = changed(bytes, others, random);
  return bytes.subarray(0, MAX_BYTES);
}

function changed(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const at = random(bytes.length + 1);
  const length = random(Math.min(bytes.length - at, 32) + 1);
  const head = bytes.subarray(0, at);
  switch (random(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << random(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random(256);
      return bytes;
    case 2:
      return Buffer.concat([head, bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([
        head,
        Buffer.from(Array.from({ length: 1 + random(16) }, () => random(256))),
        bytes.subarray(at),
      ]);
    case 4:
      return Buffer.concat([head, bytes.subarray(at, at + length), bytes.subarray(at)]);
    case 5: {
      const other = others[random(others.length)]!;
      return Buffer.concat([head, other.subarray(random(other.length + 1))]);
    }
    case 6:
      if (at + 4 <= bytes.length) bytes.writeUInt32LE(NUMBERS[random(NUMBERS.length)]!, at);
      return bytes;
    case 7:
      if (at + 8 <= bytes.length)
        bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(random(3) - 1) << BigInt(random(64))), at);
      return bytes;
    default:
      return head;
  }
}
