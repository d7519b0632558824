// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import "strings"

// months are the names of the months, January first, as dates on pages have
// them; those of one month are parted by spaces. Abbreviations of at least three
// letters are found by their beginning, see month.
var months = [12]string{
	"january janvier januar jänner enero janeiro gennaio januari января ocak يناير كانون",
	"february février fevrier februar feber febrero fevereiro febbraio februari февраля şubat subat فبراير شباط",
	"march mars märz maerz marzo março marco maart maret марта mart مارس آذار",
	"april avril abril aprile апреля nisan أبريل ابريل إبريل نيسان",
	"may mai mayo maio maggio mei мая mayıs mayis مايو أيار",
	"june juin juni junio junho giugno июня haziran يونيو يونيه حزيران",
	"july juillet juli julio julho luglio июля temmuz يوليو يوليه تموز",
	"august août aout agosto augustus agustus августа ağustos agustos أغسطس اغسطس آب",
	"september septembre septiembre setiembre setembro settembre сентября eylül eylul سبتمبر أيلول",
	"october octobre oktober octubre outubro ottobre октября ekim أكتوبر اكتوبر",
	"november novembre noviembre novembro nopember ноября kasım kasim نوفمبر",
	"december décembre decembre dezember diciembre dezembro dicembre desember декабря aralık aralik ديسمبر",
}

// month returns the number of the month that w names, in full or by its first
// three letters or more; 0 where none is, or where two begin so.
func month(w string) int {
	if len(w) < 3 {
		return 0
	}
	found := 0
	for i, names := range months {
		for name := range strings.FieldsSeq(names) {
			switch {
			case name == w || w == "sept" && i == 8:
				return i + 1
			case !strings.HasPrefix(name, w) || w[0] >= 0x80:
			case found != 0 && found != i+1:
				found = -1
			case found == 0:
				found = i + 1
			}
		}
	}
	return max(found, 0)
}
