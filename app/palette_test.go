package app

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"
)

const (
	paletteMax = 256 // colors of a PNG with one byte for each
	exactMax   = 64  // of them the colors that are there most: backgrounds and letters stay as they are
)

// shade is one color of a picture, by its three channels, and how many points have it.
type shade struct {
	channels [3]uint8
	points   int
}

// paletted gives a picture one byte for each point: the colors that are there most as they are, and for all others the mean of
// those that are alike.
func paletted(shown image.Image) *image.Paletted {
	found := shadesOf(shown)
	colors := make(color.Palette, 0, paletteMax)
	for _, one := range found[:min(exactMax, len(found))] {
		colors = append(colors, meanOf([]shade{one}))
	}
	for _, alike := range cut(found[len(colors):], paletteMax-len(colors)) {
		colors = append(colors, meanOf(alike))
	}
	made := image.NewPaletted(shown.Bounds(), colors)
	nearest := map[color.Color]uint8{}
	forEachPoint(shown, func(x, y int, at color.RGBA) {
		place, known := nearest[at]
		if !known {
			place = uint8(colors.Index(at))
			nearest[at] = place
		}
		made.SetColorIndex(x, y, place)
	})
	return made
}

func forEachPoint(shown image.Image, visit func(x, y int, at color.RGBA)) {
	bounds := shown.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := shown.At(x, y).RGBA()
			visit(x, y, color.RGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 255})
		}
	}
}

// shadesOf lists the colors of a picture, those first that are there most.
func shadesOf(shown image.Image) []shade {
	points := map[[3]uint8]int{}
	forEachPoint(shown, func(_, _ int, at color.RGBA) { points[[3]uint8{at.R, at.G, at.B}]++ })
	found := make([]shade, 0, len(points))
	for channels, n := range points {
		found = append(found, shade{channels, n})
	}
	slices.SortFunc(found, func(a, b shade) int {
		return cmp.Or(cmp.Compare(b.points, a.points), slices.Compare(a.channels[:], b.channels[:]))
	})
	return found
}

// cut divides colors into at most so many groups that are alike: the group whose colors differ most, at the most points, is halved,
// again and again: a poster's colors that run into each other show steps first.
func cut(all []shade, most int) [][]shade {
	if len(all) == 0 {
		return nil
	}
	groups := [][]shade{all}
	for len(groups) < most {
		worst, channel, harm := 0, 0, 0
		for i, group := range groups {
			c, width := spreadOf(group)
			if e := width * width * pointsOf(group); e > harm {
				worst, channel, harm = i, c, e
			}
		}
		if harm == 0 {
			break
		}
		group := groups[worst]
		slices.SortStableFunc(group, func(a, b shade) int { return cmp.Compare(a.channels[channel], b.channels[channel]) })
		groups[worst] = group[:len(group)/2]
		groups = append(groups, group[len(group)/2:])
	}
	return groups
}

func pointsOf(group []shade) (points int) {
	for _, one := range group {
		points += one.points
	}
	return points
}

// spreadOf tells in which channel the colors of a group differ most, and by how much.
func spreadOf(group []shade) (channel, width int) {
	for c := range 3 {
		least, greatest := 255, 0
		for _, one := range group {
			least, greatest = min(least, int(one.channels[c])), max(greatest, int(one.channels[c]))
		}
		if greatest-least > width {
			channel, width = c, greatest-least
		}
	}
	return channel, width
}

// meanOf is the color that stands for a group.
func meanOf(group []shade) color.RGBA {
	var sums [3]int
	points := pointsOf(group)
	for _, one := range group {
		for c := range 3 {
			sums[c] += int(one.channels[c]) * one.points
		}
	}
	return color.RGBA{R: uint8(sums[0] / points), G: uint8(sums[1] / points), B: uint8(sums[2] / points), A: 255}
}

// The docs' pictures were three times as large as those in docs/, which had been given a palette by hand: what the test made could
// not be committed as it was.
func TestPicturesHaveAPalette(t *testing.T) {
	const width, height, banner = 400, 300, 60
	ink, paper := color.RGBA{R: 27, G: 25, B: 30, A: 255}, color.RGBA{R: 251, G: 250, B: 249, A: 255}
	shown := image.NewRGBA(image.Rect(0, 0, width, height))
	forEachPoint(shown, func(x, y int, _ color.RGBA) {
		at := paper
		if y < banner { // colors that run into each other, as a poster's
			at = color.RGBA{R: uint8(200 - x/4), G: uint8(40 + x/8), B: uint8(60 + y), A: 255}
		} else if x%20 == 0 {
			at = ink
		}
		shown.SetRGBA(x, y, at)
	})
	made := paletted(shown)
	forEachPoint(made, func(x, y int, at color.RGBA) {
		want := shown.RGBAAt(x, y)
		if y >= banner && at != want {
			t.Fatalf("%d,%d: %v, want %v: a background or a letter has changed", x, y, at, want)
		}
		for _, d := range []int{int(at.R) - int(want.R), int(at.G) - int(want.G), int(at.B) - int(want.B)} {
			if max(d, -d) > 8 {
				t.Fatalf("%d,%d: %v, want about %v", x, y, at, want)
			}
		}
	})
	var packed bytes.Buffer
	if err := png.Encode(&packed, made); err != nil {
		t.Fatal(err)
	}
	header, err := png.DecodeConfig(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if palette, ok := header.ColorModel.(color.Palette); !ok || len(palette) > paletteMax {
		t.Errorf("the picture has the colors %T", header.ColorModel)
	}
}
