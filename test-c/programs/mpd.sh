# MPD reads its files through io_uring: it plays to a null output and to a recorder, whose output is compared.
set -eu
. /tests/facts.sh
cd /shared

fact version "${VERSION:-$(dpkg-query -W -f '${Version}' mpd)}"
mkdir music state
# A minute and a half of 16-bit stereo sound at 44.1 kHz, after the 44 bytes of a WAV header.
bytes=16000000
le32() {
	printf "\\$(printf %o $(($1 & 255)))\\$(printf %o $(($1 >> 8 & 255)))\\$(printf %o $(($1 >> 16 & 255)))\\$(printf %o $(($1 >> 24)))"
}
{
	printf RIFF
	le32 $((bytes + 36))
	printf 'WAVEfmt '
	le32 16
	printf '\1\0\2\0'
	le32 44100
	le32 176400
	printf '\4\0\20\0data'
	le32 $bytes
	seq 1 10000000 | head -c $bytes
} > music/song.wav
fact file "$(sum music/song.wav)"
cat > mpd.conf <<-CONF
	music_directory "/shared/music"
	db_file "/shared/state/db"
	state_file "/shared/state/state"
	log_file "/shared/log"
	bind_to_address "/shared/socket"
	user "mpd"
	auto_update "no"
	audio_output {
		type "null"
		name "null"
		sync "no"
	}
	audio_output {
		type "recorder"
		name "recorder"
		path "/shared/state/played.wav"
		encoder "wave"
		format "44100:16:2"
	}
CONF
chown -R mpd state /shared
mpd --no-daemon mpd.conf > mpd.out 2>&1 &
server=$!
export MPD_HOST=/shared/socket
answers() {
	mpc status > /dev/null 2>&1
}
await 'mpd answers' answers
mpc -q update --wait
fact database "$(mpc listall)"
mpc -q add song.wav
mpc -q play
proof "$server"
stopped() {
	! mpc status | grep -q '^\[playing\]'
}
await 'the song ends' stopped
mpc -q stop
kill "$server"
wait "$server" || true
# The encoder writes its header before it knows the length, so the comparison skips the header.
fact played "$(tail -c +45 state/played.wav | sha256sum | cut -c 1-64) $(stat -c %s state/played.wav)"
fact equals_the_file "$(cmp -s -i 44 state/played.wav music/song.wav && echo yes || echo no)"
