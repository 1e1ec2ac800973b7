package store

// chunkLen is the number of elements in one chunk of a sequence: large enough
// that the chunk table stays small, small enough that trimming frees memory soon.
const chunkLen = 512

// sequence is a list that grows at the end and is cut at the front, addressed
// by absolute index. It grows in chunks, so appending never copies what is
// already there and a queue of millions does not stall its writers.
// It is not safe for concurrent use.
type sequence[T any] struct {
	first  int64 // index of the oldest element still there
	next   int64 // index the next element will get
	base   int64 // index of the first slot of chunks[0]
	chunks [][]T
}

func (s *sequence[T]) len() int64 { return s.next - s.first }

func (s *sequence[T]) push(v T) {
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last]) == chunkLen {
		s.chunks = append(s.chunks, nil)
		last++
	}
	s.chunks[last] = append(s.chunks[last], v)
	s.next++
}

// at returns the element with index i, which must be in [first, next).
func (s *sequence[T]) at(i int64) T {
	k := i - s.base
	return s.chunks[k/chunkLen][k%chunkLen]
}

// trim drops every element before index n.
func (s *sequence[T]) trim(n int64) {
	if n >= s.next {
		s.reset(s.next)
		return
	}
	if n <= s.first {
		return
	}
	s.first = n
	drop := (n - s.base) / chunkLen
	if drop == 0 {
		return
	}
	kept := make([][]T, int64(len(s.chunks))-drop)
	copy(kept, s.chunks[drop:])
	s.chunks = kept
	s.base += drop * chunkLen
}

// reset empties the sequence; the next element gets index n.
func (s *sequence[T]) reset(n int64) {
	s.first, s.next, s.base, s.chunks = n, n, n, nil
}
