export const blockBytes = 1024;

const blocksOfSlab = 256;
const marksOfBlock = 3;

/** Many blocks in one piece of memory, and what is known of each. */
interface Slab {
  bytes: Uint8Array;
  /** First second, last second and bytes used of each block. */
  marks: Uint32Array;
  /** The values that the last second of each block had. */
  before: Float64Array;
}

/**
 * Blocks of bytes that are used again. A buffer of its own for each would cost a third more, and leave holes where
 * containers come and go.
 */
export class BlockPool {
  readonly #slabs: Slab[] = [];
  readonly #free: number[] = [];
  readonly #values: number;
  #made = 0;

  /** @param values how many values a second has */
  constructor(values: number) {
    this.#values = values;
  }

  /** Blocks that there are, taken or free. */
  get made(): number {
    return this.#made;
  }

  /** Blocks that are taken now. */
  get taken(): number {
    return this.#made - this.#free.length;
  }

  /** An empty block that begins at a second; its values before that are 0. */
  take(second: number): number {
    const block = this.#free.pop() ?? this.#make();
    const { marks, before } = this.#slab(block);
    const mark = (block % blocksOfSlab) * marksOfBlock;
    marks[mark] = second;
    marks[mark + 1] = second;
    marks[mark + 2] = 0;
    const first = (block % blocksOfSlab) * this.#values;
    before.fill(0, first, first + this.#values);
    return block;
  }

  give(block: number): void {
    this.#free.push(block);
  }

  firstSecond(block: number): number {
    return this.#slab(block).marks[(block % blocksOfSlab) * marksOfBlock] ?? 0;
  }

  lastSecond(block: number): number {
    return this.#slab(block).marks[(block % blocksOfSlab) * marksOfBlock + 1] ?? 0;
  }

  used(block: number): number {
    return this.#slab(block).marks[(block % blocksOfSlab) * marksOfBlock + 2] ?? 0;
  }

  /** The block has grown to so many bytes, and ends at a second. */
  grew(block: number, second: number, used: number): void {
    const { marks } = this.#slab(block);
    marks[(block % blocksOfSlab) * marksOfBlock + 1] = second;
    marks[(block % blocksOfSlab) * marksOfBlock + 2] = used;
  }

  /** The bytes that the block lies in, from `offset(block)` on. */
  bytes(block: number): Uint8Array {
    return this.#slab(block).bytes;
  }

  offset(block: number): number {
    return (block % blocksOfSlab) * blockBytes;
  }

  /** The values of its last second, which lie from `valuesOffset(block)` on. */
  before(block: number): Float64Array {
    return this.#slab(block).before;
  }

  valuesOffset(block: number): number {
    return (block % blocksOfSlab) * this.#values;
  }

  #make(): number {
    if (this.#made % blocksOfSlab === 0) {
      this.#slabs.push({
        bytes: new Uint8Array(blocksOfSlab * blockBytes),
        marks: new Uint32Array(blocksOfSlab * marksOfBlock),
        before: new Float64Array(blocksOfSlab * this.#values),
      });
    }
    return this.#made++;
  }

  #slab(block: number): Slab {
    return this.#slabs[Math.floor(block / blocksOfSlab)] as Slab;
  }
}
